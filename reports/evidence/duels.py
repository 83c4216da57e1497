"""How many rows of networks beat a rival beyond noise, and are beaten, board by board.

By MAE rows that estimate a mean are left out, by RMSE those that estimate a median: an error that is another estimand's
says nothing of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reports.evidence.estimand import MEAN, MEDIAN, OWN, estimates
from reports.evidence.field import Field
from reports.evidence.race import Race
from reports.model.board import Result
from reports.model.front import front, row


@dataclass(frozen=True)
class Duels:
    """On one board, by one metric."""

    rival: Result
    won: tuple[Result, ...]  # the rows that are better
    lost: int  # how many are worse
    rows: int  # of how many


Pick = Callable[[Race], Result | None]


def constant(race: Race) -> Result | None:
    return race.constant


def trees(race: Race) -> Result | None:
    return race.trees


def plain(race: Race) -> Result | None:
    """The better of the plain networks that are trained on the metric's own loss."""
    named = {row(text) for text in front().plain.get(race.metric, [])}
    return next((result for result in race.means if (result.method, result.variant) in named), None)


def duels(there: Field, metric: str, pick: Pick) -> Mapping[str, Duels]:
    """Of each board of real rows where the rival's noise is known, and a network's."""
    found, other = {}, MEAN if metric == OWN[MEDIAN] else MEDIAN
    for dataset in there.real:
        race = there.race(dataset, metric)
        rival = pick(race)
        known = [e for e in there.networks(dataset) if race.knows(e) and e is not rival]
        rows = [e for e in known if estimates(there.board, e) != other]
        if rival and race.knows(rival) and rows:
            won = tuple(e for e in rows if race.beats(e, rival))
            found[dataset] = Duels(rival, won, sum(race.beats(rival, e) for e in rows), len(rows))
    return found
