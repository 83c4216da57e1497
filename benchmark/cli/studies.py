"""Studies as the command line asks for them and tells of them; nothing here is heavy."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.files.errors import UserError
from benchmark.plan.catalog import Entry
from benchmark.plan.expected import Expected
from benchmark.records.cell import Cell
from benchmark.records.study import Study, told
from benchmark.records.trial import Trial

if TYPE_CHECKING:
    from benchmark.tuning.tuner import Asked


def asked_for(
    cells: Sequence[Cell], methods: Mapping[str, Entry], tune: int | None, search: str, say: Callable[[str], None]
) -> "list[Asked]":
    """Returns the studies of --tune and --search; says which methods have nothing to tune. Raises UserError."""
    if tune is None and not search:
        return []
    from benchmark.tuning.tuner import asked

    if search and tune is not None:
        raise UserError(f"--search {search} tries its whole grid: leave --tune away")
    found, untuned = asked(cells, methods, budget=tune or 0, search=search)
    for why in dict.fromkeys(untuned.values()):
        say(f"{', '.join(name for name, reason in untuned.items() if reason == why)}: {why}")
    return found


def cells_of(chosen: Sequence[Study], cells: Sequence[Cell]) -> list[Cell]:
    """Returns the cells of what the studies choose: with the seeds that their method's default has."""
    return [
        Cell(study.dataset, study.method, study.variant, cell.seed)
        for study in chosen
        for cell in cells
        if (cell.dataset, cell.method, cell.variant) == (study.dataset, study.method, "default")
    ]


def left(wanted: "Sequence[Asked]", runs: Path, expected: Expected) -> Iterator[tuple[int, Study, str]]:
    """Yields how many trials each study has to run, and its standing in words."""
    from benchmark.tuning.resume import resumed
    from benchmark.tuning.tuner import Session

    for a in wanted:
        found = resumed(a.study, a.search, runs, expected)
        session = Session(a, {trial.number: trial for trial in found.kept})
        count = max(0, a.most - len(found.kept)) if session.batch() else 0
        of = len(found.refused) + len(found.kept)
        words = f" ({len(found.refused)} of its {of} again: {found.why})" if found.why else ""
        words += f" ({session.ended})" if session.ended not in ("", "done") else ""
        yield count, a.study, f"{count} of {a.most} trials to run{words}"


def told_all(tried: Mapping[Study, Sequence[Trial]], moved: Mapping[Study, str]) -> Iterator[str]:
    """Yields a line for each study: its trials by outcome, its best so far, and why it counts for nothing."""
    for study, trials in tried.items():
        why = moved[study]
        yield f"{f'{study}/trials':<44} {told(trials)}" + (f"; stale: {why}" if why else "")
