"""Figures in the page's own colours, dark and light, that stand in the place of files."""

from dataclasses import dataclass

from reports.markup.document import Section
from reports.markup.text import plain
from reports.model.board import Board
from reports.plots.geometry import Dots, Panels, Plane, dots, panels, planes
from reports.sections.front.ranking import page_of


@dataclass(frozen=True)
class Drawings:
    """By page, or by a page's part."""

    dots: dict[str, Dots]  # of a leaderboard
    panels: dict[str, Panels]  # of a calibration
    planes: dict[str, list[Plane]]  # of a part of the costs

    def instead(self, section: Section) -> bool:
        """Whether the section's own pictures are left out."""
        return (section.key == "calibration" and bool(self.panels)) or (section.key == "cost" and bool(self.planes))


def drawings(board: Board) -> Drawings:
    """Of every dataset that has something to draw."""
    ranked, untuned = board.ranked, board.untuned
    found = Drawings({}, {}, {})
    for place, dataset in enumerate(board.datasets):
        name = page_of(dataset)
        if figure := dots(ranked, dataset, f"figure-{place}"):
            found.dots[name] = figure
        if panel := panels(untuned, dataset, f"panels-{place}"):
            found.panels[name] = panel
        if both := planes(ranked, dataset, f"plane-{place}"):
            found.planes[plain(dataset)] = both
    return found
