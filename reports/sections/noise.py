"""Under a leaderboard: how far its numbers can be trusted, and where they lie between nothing and all known."""

from collections.abc import Iterator

from reports.evidence.contest import Contest, contest, covered, tied
from reports.markup.markdown import NONE, Sheet, number, sentence_list, signed, table
from reports.model.board import Board, Entry
from reports.model.metrics import HEADLINE, METRICS, columns, digits

CONSTANTS = ("zero", "mean", "median")  # methods that predict one number
_NO_ORDER = {"xauc": 0.5, "xgauc": 0.5, "auc": 0.5, "spearman": 0.0, "gini": 0.0}  # what any constant scores


def noise(board: Board, dataset: str) -> Sheet | None:
    """The headline metric of each entry with its interval, and its difference from the best one's; None where nothing
    was resampled."""
    tested = contest(board, dataset, HEADLINE, low=True)
    if tested is None:
        return None
    places = digits(HEADLINE, str(board.facts(dataset).get("unit", "s")))
    rows = []
    for entry in tested.entries:
        mean, gap = tested.mean(entry), tested.difference(entry, tested.best)
        low, high = gap.interval
        best = entry is tested.best
        rows.append(
            [
                tied(tested, entry),
                entry.label,
                number(mean.value, places),
                "[" + ", ".join(number(v, places) for v in mean.interval) + "]",
                NONE if best else signed(gap.value, places),
                NONE if best else f"[{signed(low, places)}, {signed(high, places)}]",
                NONE if best else probability(tested.p[frozenset((entry, tested.best))]),
            ]
        )
    head = [
        "#",
        "method",
        METRICS[HEADLINE].title,
        "95 % interval",
        "less the best's",
        "95 % interval of it",
        "p (Holm)",
    ]
    return table(head, rows, left=2)


def probability(p: float) -> str:
    return "< 0.001" if p < 0.001 else "1" if p > 0.9995 else f"{p:.3f}"


def trust(board: Board, dataset: str) -> Iterator[str]:
    """What stands behind the intervals, what they could show, and who is not in them; Markdown, a line each."""
    found = board.noise.get(dataset)
    shown = [e for e in board.of(dataset) if e.ok and not e.oracle]
    if found is None:
        if shown:
            yield "No paired test yet: `python -m benchmark compare` makes it where the predictions are."
        return
    there = covered(board, dataset)
    fewer = f", {found.ranking_draws:,} for metrics that rank" if found.ranking_draws < found.draws else ""
    users = f"the {found.clusters:,} users of the " if found.drawn == "users" else ""
    times = f"{found.draws:,} times{fewer}, the same for every method, and the seeds"
    yield f"Resampled: {users}{found.rows:,} test rows, {times}."
    unit = str(board.facts(dataset).get("unit", "s"))
    least = [
        f"{METRICS[name].title.split()[0]} {number(tested.smallest, digits(name, unit))}"
        for name, tested in _contests(board, dataset)
        if tested.smallest
    ]
    if least:
        yield f"Smallest difference from the best that these rows show four times in five: {', '.join(least)}."
    lacking = [e.label for e in shown if e not in there]
    if lacking:
        yield f"Not resampled, for want of the predictions behind the numbers above: {sentence_list(lacking)}."
    single = [e.label for e in shown if e in there and not e.seedless and e.seeds == 1]
    if single:
        yield f"One seed, so without a rank: {sentence_list(single)}."


def _contests(board: Board, dataset: str) -> Iterator[tuple[str, Contest]]:
    for name in columns(board.of(dataset)):
        low = METRICS[name].low
        if low is not None and (tested := contest(board, dataset, name, low=low)):
            yield name, tested


# --- skill


def _bound(board: Board, dataset: str, metric: str, *, low: bool) -> tuple[float, str] | None:
    """What counts as 1: the oracle's value where there is one, else the best one's."""
    shown = [e for e in board.of(dataset) if e.mean(metric) is not None]
    pool = [e for e in shown if e.oracle] or [e for e in shown if not e.oracle]
    values = [(value if low else -value, e.label, value) for e in pool if (value := e.mean(metric)) is not None]
    return (min(values)[2], min(values)[1]) if values else None


def _floor(board: Board, dataset: str, metric: str, *, low: bool) -> tuple[float, str] | None:
    """What counts as 0: the best constant's value, or what every constant scores."""
    if metric in _NO_ORDER:
        return _NO_ORDER[metric], "any constant"
    found = [e for name in CONSTANTS if (e := board.numbers(dataset, name))]
    values = [(value if low else -value, e.label, value) for e in found if (value := e.mean(metric)) is not None]
    return (min(values)[2], min(values)[1]) if values else None


def skill(board: Board, dataset: str) -> tuple[Sheet, list[str]] | None:
    """Each metric of each entry as its place between the best constant (0) and the oracle or the best (1), with its
    tied group in that metric; and what 0 and 1 are. None where no metric has both ends."""
    unit = str(board.facts(dataset).get("unit", "s"))
    scales: dict[str, tuple[float, float]] = {}
    ends: list[str] = []
    for name in columns(board.of(dataset)):
        low = METRICS[name].low
        if low is None:
            continue
        zero, one = _floor(board, dataset, name, low=low), _bound(board, dataset, name, low=low)
        if zero and one and zero[0] == one[0]:
            ends.append(f"{METRICS[name].title.split()[0]} has no scale, for {zero[1]} is the best")
        elif zero and one:
            scales[name] = (zero[0], one[0])
            texts = (f"{label} {number(value, digits(name, unit))}" for value, label in (zero, one))
            ends.append(f"{METRICS[name].title.split()[0]} {' to '.join(texts)}")
    if not scales:
        return None
    tested = dict(_contests(board, dataset))
    shown = sorted((e for e in board.of(dataset) if e.ok), key=lambda e: _first(e, scales))
    rows = [[e.label, *(_place(e, name, *scales[name], tested.get(name)) for name in scales)] for e in shown]
    head = ["method", *(METRICS[name].title.split()[0] for name in scales)]
    return table(head, rows), [f"Skill 0 and 1 are: {'; '.join(ends)}."]


def _first(entry: Entry, scales: dict[str, tuple[float, float]]) -> tuple[float, str, str]:
    name, (zero, one) = next(iter(scales.items()))
    value = entry.mean(name)
    return (float("inf") if value is None else -(value - zero) / (one - zero), entry.method, entry.variant)


def _place(entry: Entry, metric: str, zero: float, one: float, tested: Contest | None) -> str:
    value = entry.mean(metric)
    if value is None:
        return NONE
    text = f"{round((value - zero) / (one - zero), 2) + 0:.2f}"  # + 0: no -0.00
    return f"{text} ({tied(tested, entry)})" if tested and entry in tested.places else text
