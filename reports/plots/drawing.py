"""Figures as SVG: one style, the same bytes again, and where they lie."""

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#3465a4", "#c4570a", "#4e9a06", "#75507b", "#888888", "#c17d11", "#2e8b8b")
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "cvp-bench", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 8,
    "axes.spines.top": False, "axes.spines.right": False, "axes.unicode_minus": False, "path.simplify": False,
}  # fmt: skip
_LONG = re.compile(r"\d+\.\d{3,}")  # a hundredth of a point is more than a screen shows


def literal(text: str) -> str:
    """Text from records as matplotlib writes it: no mathematics, no control characters."""
    return "".join(c if c.isprintable() else " " for c in text).replace("$", r"\$")


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
    lines = (line.rstrip() for line in _LONG.sub(lambda found: f"{float(found[0]):.2f}", out.getvalue()).splitlines())
    return "\n".join(lines) + "\n"
