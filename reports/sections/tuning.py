"""Untuned and tuned: what the same budget of trials changes, and how much each method depends on its search."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from benchmark.records.study import TUNED, Study, best, spread
from benchmark.records.trial import Trial
from reports.evidence import importance
from reports.evidence.contest import Contest, contest
from reports.evidence.differences import Pair, told
from reports.evidence.stats import kendall
from reports.markup.document import Part, Picture, Section, named, slug
from reports.markup.table import Column, Entry, Table, by_columns, count, text_column
from reports.markup.text import code, plain, sentence_list, short
from reports.model.board import Board, Result
from reports.model.metrics import HEADLINE, METRICS, digits
from reports.plots import searched
from reports.sections.paper.comparison import whose

_WATCH_TIME = ("mae", "rmse", "xauc")
_LIFETIME_VALUE = ("mae", "rmse", "spearman", "gini")
_NO_ORDER = 0.5  # XAUC where every prediction is the same
ABOUT = (
    "Every method gets the same number of trials: its paper's setting where it has one, ours, then what Optuna's TPE "
    "sampler proposes. A trial trains with seed 0 and is scored on the validation rows; test rows are not read. The "
    "setting with the least validation error is trained with the board's seeds and read on the test rows once. The "
    "leaderboards and the papers' tables show untuned numbers: the defaults of the methods' files. Of the two papers' "
    "methods these were chosen by validation rows where the paper leaves them open (the papers' pages name the "
    "boards), of the others they are their papers'.",
)


@dataclass(frozen=True)
class Searched:
    """A study that counts, with the cells before and after it; None where there is no number."""

    study: Study
    trials: Sequence[Trial]
    title: str
    before: Result | None
    after: Result | None

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
    def pair(self) -> tuple[Result, Result] | None:
        """Both results, where both have numbers."""
        if self.before and self.after and self.before.ok and self.after.ok:
            return self.before, self.after
        return None


def section(board: Board) -> Section | None:
    """None where there is no study. Stale cells and studies are refused and named."""
    found = board.folder.searches
    parts = tuple(_part(board.searched, dataset, found) for dataset in sorted({study.dataset for study in found}))
    return Section("tuning", "Untuned and tuned", ABOUT, parts) if parts else None


def _part(board: Board, dataset: str, found: Mapping[Study, Sequence[Trial]]) -> Part:
    name, stale = plain(dataset), board.stale
    here = {study: trials for study, trials in found.items() if study.dataset == dataset}
    rows = [_row(board, study, trials) for study, trials in here.items() if str(study) not in stale]
    refused = [
        f"{plain(str(study))} is refused, its {len(trials)} trials are stale: {code(stale[str(study)])}."
        for study, trials in here.items()
        if str(study) in stale
    ]
    if not rows:
        return Part(name, missing="; ".join(refused).rstrip("."))
    unit = board.unit(dataset)
    tables = [_searches(rows, unit, dataset)]
    if any(row.pair for row in rows):
        tables.insert(0, _before_and_after(board, dataset, rows, unit))
    lines = [*_told(board, dataset, rows, unit), *refused]
    compared = f"Ours: {whose(board, dataset)}." if board.has(dataset) else ""
    return Part(name, "", compared, tuple(tables), tuple(_pictures(rows, dataset, unit)), tuple(lines))


def _pictures(rows: Sequence[Searched], dataset: str, unit: str) -> Iterator[Picture]:
    """The searches' histories, and what their parameters decide."""
    trials = {row.name: row.trials for row in rows}
    inputs = tuple((name, [(t.number, t.objective, t.params) for t in found]) for name, found in trials.items())
    draw = partial(searched.history, trials, title=f"{dataset}: trials", unit=unit)
    alt = f"Validation error of every trial and the best so far on {plain(dataset)}"
    yield Picture(named("tuning", dataset), alt, draw, (unit, *inputs))
    weights = {row.name: importance.importance(row.trials) for row in rows}
    if weights := {title: found for title, found in weights.items() if found}:
        draw = partial(searched.importances, weights, title=f"{dataset}: importance of parameters")
        alt = f"How much each tuned parameter decides on {plain(dataset)}"
        yield Picture(named("importance", dataset), alt, draw, tuple(weights.items()))


def _row(board: Board, study: Study, trials: Sequence[Trial]) -> Searched:
    before = board.get(study.dataset, study.method)
    after = board.get(study.dataset, study.method, study.variant)
    known = before or after
    return Searched(study, trials, known.title if known else study.method, before, after)


# --- tables


def _before_and_after(board: Board, dataset: str, rows: Sequence[Searched], unit: str) -> Table:
    pairs = [(row, *row.pair) for row in rows if row.pair]
    pairs.sort(key=lambda item: (item[2].mean(HEADLINE) or 0.0, item[0].name))
    tested = contest(board, dataset, HEADLINE)
    untuned, tuned = ([both[k] for row, *both in pairs if row.own] for k in (0, 1))
    columns, cells = [text_column("method", "method")], [[Entry(text=row.label) for row, _, _ in pairs]]
    for metric in _metrics(rows):
        for k, word in enumerate(("untuned", "tuned")):
            head = METRICS[metric].column(unit)
            columns.append(Column(f"{metric}_{word}", f"{head.title} {word}", digits=head.digits))
            cells.append([both[k].entry(metric) for _, *both in pairs])
    for k, (word, among) in enumerate((("untuned", untuned), ("tuned", tuned))):
        columns.append(Column(f"rank_{word}", f"rank {word}", digits=0))
        cells.append([rank(both[k], among, tested) if row.own else Entry() for row, *both in pairs])
    columns += [text_column("seeds", "seeds"), text_column("notes", "notes")]
    cells.append([Entry(text=f"{before.seeds}, {after.seeds}") for _, before, after in pairs])
    cells.append([Entry(text=after.remarks) for _, _, after in pairs])
    name = slug("tuned", dataset)
    return Table(name, f"{plain(dataset)}: untuned and tuned", tuple(columns), by_columns(cells))


def _metrics(rows: Sequence[Searched]) -> tuple[str, ...]:
    """Lifetime value's where the records have them, else watch time's."""
    kept = [record for row in rows for result in row.pair or () for record in result.ok]
    lifetime = any("gini" in record.metrics.get("test", {}) for record in kept)
    return _LIFETIME_VALUE if lifetime else _WATCH_TIME


def _resampled(board: Board, dataset: str, results: Sequence[Result]) -> bool:
    tested = contest(board, dataset, HEADLINE)
    return tested is not None and set(results) <= tested.places.keys()


def rank(result: Result, among: Sequence[Result], tested: Contest | None) -> Entry:
    """The ranks in mean MAE that the noise leaves open among these results, "2–4"; without resampling the place of the
    mean alone, with a question mark."""
    if tested and set(among) <= tested.places.keys():
        first = 1 + sum(tested.beats(other, result) for other in among)
        last = len(among) - sum(tested.beats(result, other) for other in among)
        return Entry(first, text=str(first) if first == last else f"{first}–{last}")
    place = 1 + sum((other.mean(HEADLINE) or 0.0) < (result.mean(HEADLINE) or 0.0) for other in among)
    return Entry(place, text=f"{place} ?")


def _searches(rows: Sequence[Searched], unit: str, dataset: str) -> Table:
    places = digits(HEADLINE, unit)
    columns = (
        text_column("method", "method"),
        Column("trials", "trials", digits=0),
        text_column("lost", "diverged, failed"),
        Column("seconds", "s"),
        *(Column(slug(word), word, digits=places) for word in ("default", "best", "median", "worst trial")),
        text_column("chosen", "chosen"),
    )
    lines = []
    for row in rows:
        outcomes = Counter(trial.outcome for trial in row.trials)
        chosen, ours, reach = best(row.trials), _ours(row), spread(row.trials)
        values = (ours.objective if ours else None, *((reach.best, reach.median, reach.worst) if reach else [None] * 3))
        lines.append(
            (
                Entry(text=row.label),
                count(len(row.trials)),
                Entry(text=f"{outcomes['diverged']}, {outcomes['failed']}"),
                Entry(sum(trial.seconds for trial in row.trials)),
                *(Entry(value) for value in values),
                Entry(text=_setting(chosen, ours) if chosen else f"none: {code(row.trials[0].error)}"),
            )
        )
    return Table(slug("search", dataset), f"{plain(dataset)}: the searches", columns, tuple(lines))


def _ours(row: Searched) -> Trial | None:
    return next((trial for trial in row.trials if trial.proposer == "ours"), None)


def _setting(trial: Trial, ours: Trial | None) -> str:
    """Writes out what was searched, and what else is not as in our default: a paper's setting may be of another
    shape."""
    who = {"ours": "the default", "paper": "the paper's"}.get(trial.proposer, f"trial {trial.number}")
    default = ours.config if ours else trial.config
    others = {name: value for name, value in trial.config.items() if value != default.get(name)}
    values = ", ".join(f"{name} {_value(value)}" for name, value in {**trial.params, **others}.items())
    return f"{who}: {plain(values)}" if values else who


def _value(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


# --- sentences


def _told(board: Board, dataset: str, rows: Sequence[Searched], unit: str) -> Iterator[str]:
    """Says what a reader may conclude, and what not."""
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
    if not _resampled(board, dataset, [result for _, *both in pairs for result in both]):
        yield "A rank with a question mark is the place of the mean: not all of these rows were resampled together."
    if waiting := [row.label for row in rows if not row.pair]:
        yield f"Without numbers both before and after: {sentence_list(waiting)}."


def _flat(result: Result) -> bool:
    """Whether every pair of rows is a tie in the predictions of every seed."""
    return all(record.metrics.get("test", {}).get("xauc") == _NO_ORDER for record in result.ok)


def _budget(rows: Sequence[Searched]) -> Iterator[str]:
    counts = {row.label: len(row.trials) for row in rows if row.own}
    if most := max(counts.values(), default=0):
        budget = f"Budget: {most} trials each" if most > 1 else "Budget: one trial each"
        fewer = [f"{count} of {name}" for name, count in counts.items() if count < most]
        yield f"{budget}, but {sentence_list(fewer)}." if fewer else f"{budget}."
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


def _order(pairs: Sequence[tuple[Searched, Result, Result]], unit: str) -> Iterator[str]:
    """Whether the order of the means moves, and whether what tuning brings is more than what separates methods."""
    before = [before.mean(HEADLINE) or 0.0 for _, before, _ in pairs]
    after = [after.mean(HEADLINE) or 0.0 for _, _, after in pairs]
    names, places = [row.label for row, _, _ in pairs], digits(HEADLINE, unit)
    leaders = [names[values.index(min(values))] for values in (before, after)]
    lead = f"Of the {len(names)} that were searched {leaders[0]} has the least mean {HEADLINE.upper()} untuned"
    lead += " and tuned" if leaders[0] == leaders[1] else f", {leaders[1]} tuned"
    tau = kendall(before, after)
    yield lead + (f"; Kendall's tau between the two orders is {tau:.2f}." if tau is not None else ".")
    moves = [new - old for old, new in zip(before, after, strict=True)]
    widest = max(range(len(moves)), key=lambda k: abs(moves[k]))
    ordered = sorted(before)
    second, last = (f"{value - ordered[0]:.{places}f}" for value in (ordered[1], ordered[-1]))
    yield (
        f"Tuning moves {names[widest]} most, by {moves[widest]:+.{places}f} {unit}; untuned, the best two are "
        f"{second} {unit} apart, the best and the last {last}."
    )
