"""A figure from the arrays of trained methods, and what several of them share."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reports.model.arrays import Arrays
from reports.model.board import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Shown = Mapping[str, Arrays]  # a row's name -> its arrays


def nothing(_: Shown, __: Mapping[str, Result]) -> Iterator[str]:
    """Says nothing: for a figure that needs no record beside its arrays."""
    return iter(())


@dataclass(frozen=True)
class Kind:
    """A figure: the arrays that it needs of each row, how it is drawn, what stands below it as Markdown."""

    alt: str
    needs: tuple[str, ...]
    draw: Callable[[Shown, str], str]  # of rows and a title
    tell: Callable[[Shown], Iterator[str]]
    more: tuple[str, ...] = ()  # arrays that are told of where they are there
    beside: Callable[[Shown, Mapping[str, Result]], Iterator[str]] = nothing  # what the rows' records add to it


def dots(axes: "Axes", x: Any, y: Any, colour: Any, label: str | None = None) -> None:
    axes.plot(x.round(4), y.round(4), "o", color=colour, markersize=2.4, markeredgewidth=0, label=label)


def rho(a: Any, b: Any) -> str:
    """Spearman's correlation with two decimals, a dash where one of both is constant."""
    if len(a) < 2 or (a == a[0]).all() or (b == b[0]).all():
        return "–"
    from scipy.stats import spearmanr

    return f"{float(spearmanr(a, b).statistic):.2f}"
