"""Figures as SVG: one style, the same bytes again, and where they lie."""

import base64
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from os.path import relpath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.files.paths import figures_of, report_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#3465a4", "#c4570a", "#4e9a06", "#75507b", "#888888", "#c17d11", "#2e8b8b")
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "cvp-bench", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 8,
    "axes.spines.top": False, "axes.spines.right": False, "axes.unicode_minus": False, "path.simplify": False,
}  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """A figure of a block: drawn when it is first asked for."""

    file: str  # "prowtp-k-kuairand.svg"
    alt: str  # what it shows, in words
    draw: Callable[[], str]

    @cached_property
    def svg(self) -> str:
        return self.draw()

    @property
    def base64(self) -> str:
        """The SVG for a data address."""
        return base64.b64encode(self.svg.encode()).decode()


def svg(draw: "Callable[[Figure], None]", *, title: str, size: tuple[float, float], layout: Any = "constrained") -> str:
    """What `draw` puts on an empty figure of that size, in inches, as text."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        picture = Figure(figsize=size, facecolor="white", layout=layout)
        canvas = FigureCanvasSVG(picture)
        draw(picture)
        out = io.StringIO()
        canvas.print_svg(out, metadata={"Date": None, "Creator": None, "Title": title})
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def named(*words: str) -> str:
    """ "cost", "kuairand@time" -> "cost-kuairand-time.svg" """
    return f"{slug(*words)}.svg"


def slug(*words: str) -> str:
    """ "GR", "2", "KuaiRec (watch time)" -> "gr-2-kuairec-watch-time" """
    return re.sub(r"[^a-z0-9]+", "-", " ".join(words).lower()).strip("-")


def seen(runs: Path) -> Path:
    """The folder of the figures, as seen from RESULTS.md."""
    return Path(relpath(figures_of(runs), report_of(runs).parent))
