"""Each board in one line: who is best by both errors and by ranking, the best constant, and where the papers' methods
stand."""

from collections.abc import Mapping
from dataclasses import dataclass

from reports.evidence.field import PANELS, Field, field
from reports.evidence.race import Race
from reports.model.board import Board, Result
from reports.model.front import front, row
from reports.model.papers import papers

Places = tuple[int, int]  # from, to: what noise leaves open


@dataclass(frozen=True)
class Leader:
    """The best row by one metric of a board."""

    metric: str
    result: Result
    value: float
    level: int | None  # how many others noise leaves level with it; None where its noise is unknown


@dataclass(frozen=True)
class Overview:
    """One board."""

    dataset: str
    rows: int | None  # after the protocol's filters
    share: float | None  # of the official rows that were read; None where either is not known
    official: int | None
    leaders: Mapping[str, Leader]  # by panel
    constants: Mapping[str, float]  # the best label-only constant's error, by metric
    places: Mapping[str, Mapping[str, Places]]  # of a paper's method: paper -> panel -> its places
    ranked: int  # rows that compete by the headline error


def overviews(board: Board) -> list[Overview]:
    """Boards of real rows first."""
    there = field(board)
    return [_overview(there, dataset) for dataset in there.datasets]


def _overview(there: Field, dataset: str) -> Overview:
    facts = there.board.facts(dataset)
    races = {panel: there.race(dataset, metric) for panel, metric in zip(PANELS, there.metrics(dataset), strict=True)}
    official, read = front().rows(dataset, facts), facts.get("rows_raw", facts.get("rows"))
    owned = {key: there.board.numbers(dataset, *row(paper.own)) for key, paper in papers().items()}
    return Overview(
        dataset=dataset,
        rows=facts.get("rows"),
        share=read / official if official and read else None,
        official=official,
        leaders={p: Leader(r.metric, r.best, r.means[r.best], r.level) for p, r in races.items() if r.best},
        constants={r.metric: r.means[r.constant] for r in list(races.values())[:2] if r.constant},
        places={
            key: {panel: where for panel, race in races.items() if (where := places(race, result))}
            for key, result in owned.items()
            if result
        },
        ranked=len(races[PANELS[0]].means),
    )


def places(race: Race, result: Result) -> Places | None:
    """The places that noise leaves open, the place by the means where nothing was resampled; None where the row has no
    number, or its noise is unknown."""
    if race.contest:
        return race.contest.ranks(result) if race.knows(result) else None
    return (place := race.rows.index(result) + 1, place) if result in race.means else None
