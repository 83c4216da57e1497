"""One table: does each idea work where it should, by how much, from how many rows on, and does it not where it should
not?"""

from collections.abc import Iterator

from benchmark.records.curves import cut_short
from reports.markup.document import Part, Section
from reports.markup.table import Entry, Table, text_column
from reports.markup.text import NONE, plain, sentence_list, short
from reports.model.board import Board, Result
from reports.model.metrics import METRICS
from reports.sections.controls.trial import Duel, Trial, rows, trials

ABOUT = (
    "Made-up worlds whose truth is known, described with their formulas in `datasets/worlds`; each has one idea's "
    "assumption built in, at up to four numbers of training rows, and tests on the same rows at all of them. Each "
    "world is drawn once: no interval says what other people, things and labels of it would give. A difference is "
    "the idea's row less the other [95 % interval], so below 0 is good of an error and above 0 of a "
    "ranking. What noise does not tell apart is a tie: better and worse are what the procedure of Benjamini and "
    "Hochberg finds at 5 % among all differences of a column and all sizes, so of twenty such words one may be chance. "
    "(Boards ask for no false word at all, by Holm; among so many questions that would call nearly every idea a tie.)",
    "A row that estimates a mean cannot have the least MAE, one that estimates a median not the least RMSE, and both "
    "order rows unlike each other. The best rival is therefore one that estimates the same, where there is one, and so "
    "is the oracle, which is a bound of errors and none of rankings; of an ablation it is said where it does not. The "
    "best rival is the best on these very test rows, which is to its favour. "
    "Training ends after 30 to 60 epochs without gain, or at a limit that is said of whoever reached it. No user likes "
    "a thing more than both alone say: no idea is about how the two fit, and who learns that first would decide. Where "
    "an idea is the whole head and loss, itself without it is a plain network with the same encoder.",
)


def section(board: Board) -> Section | None:
    """None where no idea has numbers beside its ablation."""
    found = trials(board)
    if not found:
        return None
    part = Part(tables=(table(board, found),), lines=tuple(lines(board, found)))
    return Section("controls", "Ideas in worlds made for them", ABOUT, (part,))


def table(board: Board, found: list[Trial]) -> Table:
    """An idea and a metric a row."""
    columns = (
        text_column("idea", "idea"),
        text_column("metric", "metric"),
        text_column("verdict", "works where it should?"),
        text_column("ablation", "less itself without"),
        text_column("since", "from rows on"),
        text_column("rival", "less the best rival"),
        text_column("own", "itself / oracle"),
        text_column("cut", "trained to the last epoch allowed"),
        text_column("fails", "less itself without, assumption fails"),
    )
    return Table("controls", "Ideas in worlds made for them", columns, tuple(_row(board, trial) for trial in found))


def _row(board: Board, trial: Trial) -> tuple[Entry, ...]:
    metric, last = METRICS[trial.metric], trial.last
    rival = trial.rival[-1] if trial.rival else None
    count = rows(board, last.dataset)
    since = trial.since(board)
    return (
        Entry(text=f"{last.mine.label}: {plain(trial.idea.says)}"),
        Entry(text=metric.title),
        Entry(text=trial.verdict),
        Entry(last.gap.value, text=_told(last) + ", of another estimand" * last.unlike(board)),
        Entry(since, text=f"{since:,}" if since else NONE),
        Entry(rival.gap.value if rival else None, text=f"{_told(rival)}: {rival.other.label}" if rival else ""),
        Entry(
            text=f"{_value(last.mine, trial.metric)} / {short(trial.oracle(board))}"
            + f" ({count:,} rows)" * bool(count)
        ),
        Entry(text=sentence_list(_cut(trial))),
        Entry(text=f"{_told(trial.failing)}: {trial.elsewhere}" if trial.failing else ""),
    )


def _cut(trial: Trial) -> list[str]:
    """Who of a trial at most training rows had patience left when its epochs were over."""
    shown = {"itself": trial.last.mine, "itself without": trial.last.other}
    if trial.rival:
        shown["the rival"] = trial.rival[-1].other
    return [name for name, result in shown.items() if cut_short(result.ok)]


def _value(result: Result, metric: str) -> str:
    return short(result.mean(metric))


def _told(duel: Duel) -> str:
    """ "-0.32 [-0.41, -0.23] better" """
    if duel.gap.found is None:
        return f"{_signed(duel.gap.value)} {duel.word}"
    low, high = duel.gap.found.interval
    return f"{_signed(duel.gap.value)} [{_signed(low)}, {_signed(high)}] {duel.word}"


def _signed(value: float) -> str:
    """Three digits that count, with the sign."""
    return f"{'+' if value >= 0 else '-'}{short(abs(value))}"


def never(found: list[Trial]) -> list[Trial]:
    """The first trial of each idea that is better than its ablation at no size by no metric; one seed tells of none."""
    won = {trial.idea.says for trial in found if any(duel.word in ("better", "one seed") for duel in trial.ablation)}
    first = {trial.idea.says: trial for trial in reversed(found)}
    return [trial for says, trial in first.items() if says not in won][::-1]


def lines(board: Board, found: list[Trial]) -> Iterator[str]:
    """The worlds, who nowhere beats its own ablation, where ideas help without their assumption, and what is behind
    it."""
    yield f"Worlds: {'; '.join(_worlds(board, found))}."
    for trial in never(found):
        mine, other = trial.last.mine, trial.last.other
        yield (
            f"{mine.label} nowhere beats {other.label}: “{plain(trial.idea.says)}” gains nothing that noise leaves to "
            f"be seen in its world, at {_sizes(board, trial)} training rows, by "
            f"{sentence_list(_metrics(found, trial))}."
        )
    yield from _elsewhere(found)
    for but in dict.fromkeys(trial.idea.but for trial in found if trial.idea.but):
        names = dict.fromkeys(trial.last.mine.label for trial in found if trial.idea.but == but)
        yield f"To be read with {sentence_list(list(names))}: {plain(but)}."
    late = [
        f"{t.last.mine.label} ({plain(t.idea.says)}, {METRICS[t.metric].name}) from {since:,} on"
        for t in found
        if (since := t.since(board)) and since > (rows(board, t.ablation[0].dataset) or 0)
    ]
    if late:
        yield f"Needs more rows than the least: {'; '.join(late)}."
    yield from _epochs(found)
    yield _behind([duel for trial in found for duel in (*trial.ablation, *trial.rival, *trial.fails)])


def _elsewhere(found: list[Trial]) -> Iterator[str]:
    """Ideas that gain where their assumption fails, with the metrics; at most training rows."""
    helped = [trial for trial in found if trial.failing and trial.failing.word == "better"]
    for says in dict.fromkeys(trial.idea.says for trial in helped):
        here = [trial for trial in helped if trial.idea.says == says]
        metrics = sentence_list([METRICS[trial.metric].name for trial in here])
        too = any(trial.last.word == "better" for trial in here)
        yield (
            f"{here[0].last.mine.label}: “{plain(says)}” is better by {metrics} where its assumption does not hold, "
            f"{'as where it does' if too else 'and no better where it does'}, so what it gains is not that assumption"
            f"{' alone' * too}."
        )


def _behind(duels: list[Duel]) -> str:
    """What the intervals are of."""
    alone = list(dict.fromkeys(plain(duel.dataset) for duel in duels if duel.gap.found and not duel.gap.drawn))
    if not any(duel.gap.drawn for duel in duels):
        return "Intervals are of seeds alone: all rows of a world meet the same test rows, which were not drawn again."
    where = f"; of seeds alone, for want of resampling, those of rows of {sentence_list(alone)}" if alone else ""
    return f"Intervals draw users and seeds again{where}."


def _epochs(found: list[Trial]) -> Iterator[str]:
    """How many rows might have been better with more epochs."""
    results = {
        one.key: one for t in found for duel in (*t.ablation, *t.rival, *t.fails) for one in (duel.mine, duel.other)
    }
    trained = [result for result in results.values() if result.gradient]
    if cut := [result for result in trained if cut_short(result.ok)]:
        yield (
            f"Of {len(trained)} rows, a method at a number of training rows each, {len(cut)} were trained to the last "
            "epoch allowed with patience left, in at least half of their seeds. More epochs might make these better, "
            "so what is said of them is said after so many steps, and a row that learns more slowly is behind for that "
            "too."
        )


def _worlds(board: Board, found: list[Trial]) -> list[str]:
    """Each with the ideas whose assumption holds there, and fails."""
    duels = [(duel.dataset, t) for t in found for duel in (*t.ablation[-1:], *t.fails[-1:])]
    texts = []
    for dataset in sorted({dataset for dataset, _ in duels}):
        there = {True: dict[str, None](), False: dict[str, None]()}
        for trial in (t for d, t in duels if d == dataset):
            there[dataset == trial.last.dataset][trial.last.mine.label] = None
        said = [
            f"{verb} for {sentence_list(list(names))}"
            for verb, names in zip(("holds", "fails"), there.values(), strict=True)
            if names
        ]
        title = str(board.facts(dataset).get("slice", dataset)).partition(", ")[2]
        texts.append(f"{plain(dataset)}, {plain(title) or NONE} ({', '.join(said)})")
    return texts


def _sizes(board: Board, trial: Trial) -> str:
    counts = [count for duel in trial.ablation if (count := rows(board, duel.dataset))]
    return sentence_list([f"{count:,}" for count in counts])


def _metrics(found: list[Trial], trial: Trial) -> list[str]:
    return [METRICS[t.metric].name for t in found if t.idea == trial.idea]
