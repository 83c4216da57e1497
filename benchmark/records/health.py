"""What is unwell with a row of a board: a word for the terminal, a sentence for a note. A function of its records."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import fmean

from benchmark.records.record import NOTHING_TO_LEARN, Record

EARLY = 2  # epochs: what is kept from so few may have learned nothing
TIMES = 2.0  # by which the mean prediction may differ from the mean label, either way
_GAIN = 0.005  # of a constant's error: what is less is no gain
_GAP = 0.01  # of the stopping metric: less between two seeds is no gap
_WIDE = 5.0  # a gap is that many times wider than what lies on either side of it
_ERRORS = ("mae", "rmse")

Level = Mapping[str, float]  # the least error on the validation rows that a constant has: "mae", "rmse"


@dataclass(frozen=True)
class Ailment:
    """One thing that is unwell."""

    word: str  # "no loss", "seeds apart", "stopped early", "off", "negative", "labels all alike", "extras", "failed"
    text: str

    def __str__(self) -> str:
        return self.text


def constant(record: Record) -> bool:
    """Whether it predicts one value for all rows: its order of them is undefined."""
    test = record.metrics.get("test", {})
    return bool(test) and record.curve is None and test.get("spearman") is None and test.get("xauc") == 0.5


def level(records: Iterable[Record]) -> Level:
    """The least errors of the constants among one dataset's records; empty where there is none."""
    found: dict[str, float] = {}
    for record in records:
        if record.outcome == "ok" and constant(record):
            for name in _ERRORS:
                if (value := record.metrics.get("valid", {}).get(name)) is not None:
                    found[name] = min(value, found.get(name, value))
    return found


def unwell(records: Iterable[Record]) -> dict[tuple[str, str, str], tuple[Ailment, ...]]:
    """(dataset, method, variant) -> what is unwell, of the rows where something is."""
    ordered = sorted(records, key=lambda r: r.cell)
    found = {}
    for dataset, members in groupby(ordered, key=lambda r: r.dataset):
        board = list(members)
        least = level(board)
        for row, seeds in groupby(board, key=lambda r: (r.method, r.variant)):
            if ailments := health(list(seeds), least):
                found[dataset, *row] = ailments
    return found


def health(records: Sequence[Record], least: Level) -> tuple[Ailment, ...]:
    """What is unwell with the seeds of one row. least: see `level`."""
    ok = [record for record in records if record.outcome == "ok"]
    runs = (_failed(records), _no_loss(records), _apart(ok, least), _early(ok, least))
    found = (*runs, _untaught(ok), _off(ok), _negative(ok), _extras(ok))
    return tuple(ailment for ailment in found if ailment is not None)


def words(ailments: Iterable[Ailment]) -> str:
    """For a narrow column: "no loss, off"; "" where all is well."""
    return ", ".join(dict.fromkeys(ailment.word for ailment in ailments))


def _failed(records: Sequence[Record]) -> Ailment | None:
    failed = [record for record in records if record.outcome == "failed"]
    return Ailment("failed", f"{_seeds(failed)} failed: {failed[0].error}") if failed else None


def _no_loss(records: Sequence[Record]) -> Ailment | None:
    """A loss or a stopping metric that was not finite."""
    lost = [r for r in records if r.curve and None in (*r.curve.loss, *r.curve.valid)]
    if not lost:
        return None
    epochs = sum(len(r.curve.loss) for r in lost if r.curve)
    gone = sum(None in pair for r in lost if r.curve for pair in zip(r.curve.loss, r.curve.valid, strict=False))
    return Ailment("no loss", f"{_seeds(lost)}: loss or validation metric not finite in {gone} of {epochs} epochs")


def _apart(ok: Sequence[Record], least: Level) -> Ailment | None:
    """Some seeds on the plateau of a constant that others left, or a wide gap between seeds."""
    trained = [record for record in ok if record.curve]
    flat = [record for record in trained if _flat(record, least)]
    if flat and len(flat) < len(trained):
        return Ailment(
            "seeds apart", f"{_seeds(flat)} of {len(trained)} no better than a constant: the mean tells of neither kind"
        )
    reached = sorted(min(v for v in r.curve.valid if v is not None) for r in trained if r.curve and _has(r.curve.valid))
    if len(reached) < 3:
        return None
    gap, place = max((high - low, at) for at, (low, high) in enumerate(pairwise(reached)))
    rest = max(reached[place] - reached[0], reached[-1] - reached[place + 1])
    if gap > _WIDE * rest and gap > _GAP * abs(reached[0]):
        above = len(reached) - place - 1
        ends = f"{above} of {len(reached)} seeds end at {reached[place + 1]:.4g} or more on the validation rows"
        return Ailment("seeds apart", f"{ends}, the others at {reached[place]:.4g} or less")
    return None


def _early(ok: Sequence[Record], least: Level) -> Ailment | None:
    kept = [record for record in ok if record.curve and 0 < record.curve.best_epoch <= EARLY and _flat(record, least)]
    if not kept:
        return None
    return Ailment("stopped early", f"{_seeds(kept)} kept from the first {EARLY} epochs, no better than a constant")


def _off(ok: Sequence[Record]) -> Ailment | None:
    ratios = [v for r in ok if not constant(r) and (v := r.metrics.get("test", {}).get("ratio")) is not None]
    if not ratios or 1 / TIMES <= (mean := fmean(ratios)) <= TIMES:
        return None
    return Ailment("off", f"predicts {mean:.2g} times the mean label")


def _negative(ok: Sequence[Record]) -> Ailment | None:
    shares = [r.metrics.get("test", {}).get("negative") or 0.0 for r in ok]
    if any(shares):
        return Ailment("negative", f"{100 * fmean(shares):.2g} % of its predictions are negative")
    deciles = [part for r in ok for name, part in r.slices.items() if name.startswith("decile")]
    values = [part.get("prediction") for part in deciles]  # of records made before 0.2 kept the share
    below = [value for value in values if value is not None and value < 0]
    return Ailment("negative", f"its lowest predictions are {min(below):.2g} on average") if below else None


def _untaught(ok: Sequence[Record]) -> Ailment | None:
    """All training labels the same."""
    flat = [record for record in ok if record.error.startswith(NOTHING_TO_LEARN)]
    return Ailment("labels all alike", f"{_seeds(flat)}: {flat[0].error}") if flat else None


def _extras(ok: Sequence[Record]) -> Ailment | None:
    lacking = [record for record in ok if record.error and not record.error.startswith(NOTHING_TO_LEARN)]
    return Ailment("extras", f"{_seeds(lacking)} could not tell all: {lacking[0].error}") if lacking else None


def _flat(record: Record, least: Level) -> bool:
    """Whether it is no better than the best constant, by MAE nor by RMSE, on the validation rows."""
    valid = record.metrics.get("valid", {})
    known = [(value, least[name]) for name in _ERRORS if name in least and (value := valid.get(name)) is not None]
    return bool(known) and all(value > (1 - _GAIN) * bound for value, bound in known)


def _has(values: Sequence[float | None]) -> bool:
    return any(value is not None for value in values)


def _seeds(records: Sequence[Record]) -> str:
    return f"seed{'s' if len(records) > 1 else ''} {', '.join(str(record.seed) for record in records)}"
