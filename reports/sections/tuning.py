"""Untuned and tuned: what the same budget of trials changes, and how much each method depends on its search."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from benchmark.compare.noise import Noise
from benchmark.records.record import Record
from benchmark.records.study import TUNED, Study, best, is_tuned, spread
from benchmark.records.trial import Trial
from reports.evidence import importance
from reports.evidence.contest import Contest, contest
from reports.evidence.differences import Pair, told
from reports.evidence.stats import kendall
from reports.markup.block import Block, Section, Titled
from reports.markup.markdown import NONE, Sheet, code, number, plain, sentence_list, short, table
from reports.markup.picture import Picture, named, slug
from reports.model.board import Board, Entry
from reports.model.metrics import HEADLINE, METRICS, columns, digits
from reports.model.summary import plus_minus
from reports.plots import searched
from reports.sections.paper.comparison import whose

_WATCH_TIME = ("mae", "rmse", "xauc")
_LIFETIME_VALUE = ("mae", "rmse", "spearman", "gini")
_NO_ORDER = 0.5  # XAUC where every prediction is the same
ABOUT = (
    "Every method gets the same number of trials: its paper's setting where it has one, ours, then what Optuna's TPE "
    "sampler proposes. A trial trains with seed 0 and is scored on the validation rows; test rows are not read. The "
    "setting with the least validation error is trained with the board's seeds and read on the test rows once. The "
    "leaderboards and the papers' tables show untuned numbers: the defaults of the methods' files."
)


@dataclass(frozen=True)
class Row:
    """A study that counts, with the cells before and after it; None where there is no number."""

    study: Study
    trials: Sequence[Trial]
    title: str
    before: Entry | None
    after: Entry | None

    @property
    def name(self) -> str:
        """The method, with the search where it is not of its own space."""
        return self.title if self.own else f"{self.title} (grid {self.study.variant.removeprefix(f'{TUNED}-')})"

    @property
    def label(self) -> str:
        """The name as Markdown."""
        return plain(self.name)

    @property
    def own(self) -> bool:
        """Whether the search is of the method's own space, with the budget that every method has."""
        return self.study.variant == TUNED

    @property
    def pair(self) -> tuple[Entry, Entry] | None:
        """Both entries, where both have numbers."""
        if self.before and self.after and self.before.ok and self.after.ok:
            return self.before, self.after
        return None


def section(
    records: Sequence[Record],
    found: Mapping[Study, Sequence[Trial]],
    stale: Mapping[str, str],
    noise: Mapping[str, Noise],
) -> Section | None:
    """None where there is no study. stale: of cells "dataset/method/variant/seed" and studies "dataset/method/variant"
    -> why; they are refused and named."""
    board = Board([r for r in records if r.variant == "default" or is_tuned(r.variant)], stale, noise)
    blocks = [_block(board, dataset, found, stale) for dataset in sorted({study.dataset for study in found})]
    return Section("Untuned and tuned", ABOUT, tuple(blocks)) if blocks else None


def _block(board: Board, dataset: str, found: Mapping[Study, Sequence[Trial]], stale: Mapping[str, str]) -> Block:
    name = plain(dataset)
    here = {study: trials for study, trials in found.items() if study.dataset == dataset}
    rows = [_row(board, study, trials) for study, trials in here.items() if str(study) not in stale]
    refused = [
        f"{plain(str(study))} is refused, its {len(trials)} trials are stale: {code(stale[str(study)])}."
        for study, trials in here.items()
        if str(study) in stale
    ]
    if not rows:
        return Block(name, missing="; ".join(refused).rstrip("."))
    unit = str(board.facts(dataset).get("unit", "s"))
    tables = [Titled(slug("search", dataset), f"{name}: the searches", _searches(rows, unit))]
    if any(row.pair for row in rows):
        sheet = _before_and_after(board, dataset, rows, unit)
        tables.insert(0, Titled(slug("tuned", dataset), f"{name}: untuned and tuned", sheet))
    pictures = [
        Picture(
            named("tuning", dataset),
            f"Validation error of every trial and the best so far on {name}",
            partial(searched.history, {row.name: row.trials for row in rows}, title=f"{dataset}: trials", unit=unit),
        )
    ]
    weights = {row.name: importance.importance(row.trials) for row in rows}
    if weights := {title: found for title, found in weights.items() if found}:
        pictures.append(
            Picture(
                named("importance", dataset),
                f"How much each tuned parameter decides on {name}",
                partial(searched.importances, weights, title=f"{dataset}: importance of parameters"),
            )
        )
    lines = [*_told(board, dataset, rows, unit), *refused]
    compared = f"Ours: {whose(board, dataset)}." if board.has(dataset) else ""
    return Block(name, rows=compared, tables=tuple(tables), pictures=tuple(pictures), lines=tuple(lines))


def _row(board: Board, study: Study, trials: Sequence[Trial]) -> Row:
    before = board.get(study.dataset, study.method)
    after = board.get(study.dataset, study.method, study.variant)
    known = before or after
    return Row(study, trials, known.title if known else study.method, before, after)


# --- tables


def _before_and_after(board: Board, dataset: str, rows: Sequence[Row], unit: str) -> Sheet:
    pairs = [(row, *row.pair) for row in rows if row.pair]
    metrics = _metrics(rows)
    tested = contest(board, dataset, HEADLINE, low=True)
    untuned, tuned = ([both[k] for row, *both in pairs if row.own] for k in (0, 1))
    cells = []
    for row, before, after in sorted(pairs, key=lambda item: (item[2].mean(HEADLINE) or 0.0, item[0].name)):
        numbers = [
            plus_minus(entry.metric(metric), digits(metric, unit)) for metric in metrics for entry in (before, after)
        ]
        ranks = [rank(before, untuned, tested), rank(after, tuned, tested)] if row.own else [NONE, NONE]
        cells.append([row.label, *numbers, *ranks, f"{before.seeds}, {after.seeds}", after.remarks or NONE])
    head = [f"{METRICS[m].title} {word}" for m in metrics for word in ("untuned", "tuned")]
    return table(["method", *head, "rank untuned", "rank tuned", "seeds", "notes"], cells, last=1)


def _metrics(rows: Sequence[Row]) -> tuple[str, ...]:
    """Lifetime value's where the records have them, else watch time's."""
    kept = columns([entry for row in rows for entry in row.pair or ()])
    return _LIFETIME_VALUE if "gini" in kept else _WATCH_TIME


def _resampled(board: Board, dataset: str, entries: Sequence[Entry]) -> bool:
    tested = contest(board, dataset, HEADLINE, low=True)
    return tested is not None and set(entries) <= tested.places.keys()


def rank(entry: Entry, among: Sequence[Entry], tested: Contest | None) -> str:
    """The ranks in mean MAE that the noise leaves open among these entries, "2–4"; without resampling the place of the
    mean alone, with a question mark."""
    if tested and set(among) <= tested.places.keys():
        first = 1 + sum(tested.beats(other, entry) for other in among)
        last = len(among) - sum(tested.beats(entry, other) for other in among)
        return str(first) if first == last else f"{first}–{last}"
    return f"{1 + sum((other.mean(HEADLINE) or 0.0) < (entry.mean(HEADLINE) or 0.0) for other in among)} ?"


def _searches(rows: Sequence[Row], unit: str) -> Sheet:
    cells = []
    for row in rows:
        outcomes = Counter(trial.outcome for trial in row.trials)
        spent, reach = sum(trial.seconds for trial in row.trials), spread(row.trials)
        chosen, ours = best(row.trials), _ours(row)
        places = digits(HEADLINE, unit)
        values = (ours.objective if ours else None, *((reach.best, reach.median, reach.worst) if reach else [None] * 3))
        cells.append(
            [
                row.label,
                str(len(row.trials)),
                f"{outcomes['diverged']}, {outcomes['failed']}",
                short(spent),
                *(number(value, places) for value in values),
                _setting(chosen, ours) if chosen else f"none: {code(row.trials[0].error)}",
            ]
        )
    head = ["method", "trials", "diverged, failed", "s", "default", "best", "median", "worst trial", "chosen"]
    return table(head, cells, last=1)


def _ours(row: Row) -> Trial | None:
    return next((trial for trial in row.trials if trial.proposer == "ours"), None)


def _setting(trial: Trial, ours: Trial | None) -> str:
    """What was searched, and what else is not as in our default: the paper's setting may be of another shape."""
    words = {"ours": "the default", "paper": "the paper's"}.get(trial.proposer, f"trial {trial.number}")
    default = ours.config if ours else trial.config
    others = {name: value for name, value in trial.config.items() if value != default.get(name)}
    values = ", ".join(f"{name} {_value(value)}" for name, value in {**trial.params, **others}.items())
    return f"{words}: {plain(values)}" if values else words


def _value(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


# --- sentences


def _told(board: Board, dataset: str, rows: Sequence[Row], unit: str) -> Iterator[str]:
    """What a reader may conclude, and what not."""
    yield from _budget(rows)
    yield (
        "Default, best, median and worst are the validation "
        f"{HEADLINE.upper()} ({unit}) of single trials of one seed. The best is the least of many noisy numbers and so "
        "looks better than it is; the test columns, of settings that were fixed before, do not."
    )
    pairs = [(row, *row.pair) for row in rows if row.pair]
    if not pairs:
        yield "None of the chosen settings has a number on the test rows yet."
        return
    against = [Pair(row.name, after, "their untuned selves", before) for row, before, after in pairs]
    yield from told(board, dataset, against, _metrics(rows))
    if flat := [row.label for row, _, after in pairs if _flat(after)]:
        yield (
            f"Tuned, {sentence_list(flat)} order{'s' * (len(flat) == 1)} nobody: the least validation "
            f"{HEADLINE.upper()} went to a setting that predicts one number for all, as a constant does."
        )
    if len(ranked := [pair for pair in pairs if pair[0].own]) > 1:
        yield from _order(ranked, unit)
    if not _resampled(board, dataset, [entry for _, *both in pairs for entry in both]):
        yield "A rank with a question mark is the place of the mean: not all of these rows were resampled together."
    if waiting := [row.label for row in rows if not row.pair]:
        yield f"Without numbers both before and after: {sentence_list(waiting)}."


def _flat(entry: Entry) -> bool:
    """Whether every pair of rows is a tie in the predictions of every seed."""
    return all(record.metrics.get("test", {}).get("xauc") == _NO_ORDER for record in entry.ok)


def _budget(rows: Sequence[Row]) -> Iterator[str]:
    counts = {row.label: len(row.trials) for row in rows if row.own}
    if most := max(counts.values(), default=0):
        words = f"Budget: {most} trials each" if most > 1 else "Budget: one trial each"
        fewer = [f"{count} of {name}" for name, count in counts.items() if count < most]
        yield f"{words}, but {sentence_list(fewer)}." if fewer else f"{words}."
    if grids := [f"{len(row.trials)} of {row.label}" for row in rows if not row.own]:
        yield f"A grid has its own number of trials, and so no rank: {sentence_list(grids)}."
    seconds = {row.label: sum(trial.seconds for trial in row.trials) for row in rows}
    low, high = min(seconds, key=lambda n: seconds[n]), max(seconds, key=lambda n: seconds[n])
    if len(rows) > 1:
        yield f"Trials are counted, not time: {short(seconds[low])} s for {low}, {short(seconds[high])} s for {high}."
    bad = {row.label: Counter(str(t.outcome) for t in row.trials if t.outcome != "ok") for row in rows}
    if found := [f"{name}: {_counted(count)}" for name, count in bad.items() if count]:
        yield f"Trials without a number, which count as tried: {'; '.join(found)}."


def _counted(count: Counter[str]) -> str:
    return ", ".join(f"{n} {outcome}" for outcome, n in sorted(count.items()))


def _order(pairs: Sequence[tuple[Row, Entry, Entry]], unit: str) -> Iterator[str]:
    """Whether the order of the means moves, and whether what tuning brings is more than what separates methods."""
    before = [before.mean(HEADLINE) or 0.0 for _, before, _ in pairs]
    after = [after.mean(HEADLINE) or 0.0 for _, _, after in pairs]
    names, places = [row.label for row, _, _ in pairs], digits(HEADLINE, unit)
    leaders = [names[values.index(min(values))] for values in (before, after)]
    words = f"{leaders[0]} has the least mean {HEADLINE.upper()} untuned"
    words += " and tuned" if leaders[0] == leaders[1] else f", {leaders[1]} tuned"
    tau = kendall(before, after)
    yield words + (f"; Kendall's tau between the two orders is {tau:.2f}." if tau is not None else ".")
    moves = [new - old for old, new in zip(before, after, strict=True)]
    widest = max(range(len(moves)), key=lambda k: abs(moves[k]))
    ordered = sorted(before)
    second, last = (f"{value - ordered[0]:.{places}f}" for value in (ordered[1], ordered[-1]))
    yield (
        f"Tuning moves {names[widest]} most, by {moves[widest]:+.{places}f} {unit}; untuned, the best two are "
        f"{second} {unit} apart, the best and the last {last}."
    )
