"""How the epochs of a row were kept: whether it had learned, could have learned more, or was cut short.

Pure functions over records. They say nothing of test rows and choose nothing; `health` says what is unwell.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean

from benchmark.records.health import EARLY
from benchmark.records.record import Curve, Record


@dataclass(frozen=True)
class Kept:
    """The seeds of one row that were trained in epochs, and of how many something is to be known. Counts are of seeds;
    the gap and the rise are means over those that have one, None where none does."""

    seeds: int
    early: int  # kept from the first EARLY epochs: the step may be too long, or nothing more is to be learned
    limit: int  # kept from the last epoch that the protocol allows, though it chooses: more might be better
    inside: int  # kept before the method's own schedule (curriculum, warm-up) was over
    gap: float | None  # validation less training loss of the kept epoch, as a part of the latter's size
    rise: float | None  # of the stopping metric from the kept epoch to the last one, as a part of its size

    @property
    def sound(self) -> bool:
        """Whether no seed was kept early, at the limit or inside a schedule."""
        return not (self.early or self.limit or self.inside)


def kept(records: Iterable[Record]) -> Kept | None:
    """Of the seeds of one row; None where none of them was trained in epochs."""
    trained = [(r, r.curve) for r in records if r.outcome == "ok" and r.curve and r.curve.best_epoch]
    if not trained:
        return None
    gaps = [value for r, curve in trained if (value := gap(r, curve)) is not None]
    rises = [value for _, curve in trained if (value := rise(curve)) is not None]
    return Kept(
        seeds=len(trained),
        early=sum(curve.best_epoch <= EARLY for _, curve in trained),
        limit=sum(_at_the_limit(r, curve) for r, curve in trained),
        inside=sum(curve.best_epoch < schedule_end(curve) for _, curve in trained),
        gap=fmean(gaps) if gaps else None,
        rise=fmean(rises) if rises else None,
    )


def by_row(records: Iterable[Record]) -> dict[tuple[str, str, str], Kept]:
    """(dataset, method, variant) -> how its epochs were kept, of the rows that were trained in epochs."""
    ordered = sorted(records, key=lambda r: r.cell)
    rows = groupby(ordered, key=lambda r: (r.dataset, r.method, r.variant))
    return {name: found for name, seeds in rows if (found := kept(seeds))}


def counts(rows: Mapping[tuple[str, str, str], Kept]) -> dict[str, int]:
    """In how many rows at least half of the seeds were kept "early", at the "limit", "inside" a schedule; and of how
    many "rows"."""
    found = {"rows": len(rows)}
    for name in ("early", "limit", "inside"):
        found[name] = sum(2 * getattr(row, name) >= row.seeds for row in rows.values())
    return found


def told(row: Kept) -> str:
    """In words, for a note: "3 of 5 seeds kept from the first two epochs"; "" where all is well."""
    return "; ".join(_told(row))


def _told(row: Kept) -> Iterator[str]:
    for count, where in (
        (row.early, f"from the first {EARLY} epochs"),
        (row.limit, "from the last epoch allowed"),
        (row.inside, "inside an unfinished schedule"),
    ):
        if count:
            yield f"{count} of {row.seeds} seed{'s' if row.seeds > 1 else ''} kept {where}"


def schedule_end(curve: Curve) -> int:
    """The epoch at whose end the method's own schedule was over; 0 where it has none, or the record does not say."""
    return getattr(curve, "schedule_end", 0) or 0


def cut_short(records: Iterable[Record]) -> bool:
    """Whether at least half of the trained seeds ran to the last epoch that the protocol allows with patience left:
    more epochs might have been better, wherever the best so far lies."""
    trained = [r.curve for r in records if r.outcome == "ok" and r.curve and r.protocol.get("stop") != "last"]
    return bool(trained) and 2 * sum(not curve.stopped_early for curve in trained) >= len(trained)


def gap(record: Record, curve: Curve) -> float | None:
    """How much greater the loss of the kept epoch is on validation rows than on training rows, as a part of the
    latter's size. None where the protocol watches something else than the loss, so that the two are not alike.

    Training rows are met with dropout while the epoch goes on, validation rows without it after its end: a gap below 0
    is no fault."""
    if record.protocol.get("stop") != "loss":
        return None
    place = curve.best_epoch - 1
    return _relative(_at(curve.loss, place), _at(curve.valid, place))


def rise(curve: Curve) -> float | None:
    """How much the stopping metric has grown from the kept epoch to the last one, as a part of its size: what stopping
    early has saved. 0 where the last one is kept."""
    return _relative(_at(curve.valid, curve.best_epoch - 1), _at(curve.valid, len(curve.valid) - 1))


def _at_the_limit(record: Record, curve: Curve) -> bool:
    return record.protocol.get("stop") != "last" and curve.best_epoch == record.protocol.get("epochs")


def _at(values: Sequence[float | None], place: int) -> float | None:
    return values[place] if 0 <= place < len(values) else None


def _relative(before: float | None, after: float | None) -> float | None:
    return (after - before) / abs(before) if before and after is not None else None
