"""Methods that predict a distribution, not a value alone: how well it fits."""

from reports.block import Block, Section, Titled
from reports.board import Board, Entry
from reports.drawing import slug
from reports.leaderboard import digits
from reports.markdown import Sheet, marked, plain, plus_minus, table
from reports.stats import best_two

_COVERAGE = ("coverage_50", "coverage_80", "coverage_90")


def section(board: Board) -> Section | None:
    """A table for each dataset with such records; None where there is none."""
    blocks = []
    for dataset in board.datasets:
        shown = [e for e in board.of(dataset) if e.ok and e.mean("pinball") is not None]
        if shown:
            caption = f"{plain(dataset)}: predicted distributions"
            titled = Titled(slug("distributions", dataset), caption, _sheet(board, shown))
            rows = max(int(e.mean("pinball_rows") or 0) for e in shown)
            blocks.append(Block(plain(dataset), tables=(titled,), lines=(f"On {rows:,} test rows, evenly spaced.",)))
    if not blocks:
        return None
    about = (
        "Pinball loss is the mean over rows and the levels 0.05, 0.1, 0.25, 0.5, 0.75, 0.9 and 0.95, in the label's "
        "unit: less is better. Coverage is the share of labels between the quantiles that should hold 50, 80 and 90 % "
        "of them."
    )
    return Section("Predicted distributions", about, tuple(blocks))


def _sheet(board: Board, shown: list[Entry]) -> Sheet:
    unit = str(board.facts(shown[0].dataset).get("unit", "s"))
    places = digits("mae", unit)
    best, second = best_two([e.mean("pinball") for e in shown], low=True, digits=places)
    rows = []
    for place, entry in enumerate(shown):
        pinball = marked(plus_minus(entry.metric("pinball"), places), place, best, second)
        rows.append([entry.label, pinball, *(plus_minus(entry.metric(name), 3) for name in _COVERAGE)])
    return table(["method", f"pinball loss ({unit})", "in 50 %", "in 80 %", "in 90 %"], rows)
