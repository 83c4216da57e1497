"""board.html: every page in one that needs no network. The same records give the same bytes."""

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports import FOLDER
from reports.markup.document import Page, Part, Picture, Section
from reports.markup.inline import blocks, inline
from reports.markup.markdown import linked
from reports.markup.text import plain
from reports.markup.web import as_html
from reports.model.board import Board
from reports.plots.geometry import Dots, Plane, dots, planes
from reports.plots.panels import Panels, panels
from reports.sections.front.ranking import page_of

TEMPLATES = FOLDER / "templates"
_STYLES = ("page", "bar", "table", "figure")
_SCRIPTS = ("theme", "sort", "filter")


@dataclass(frozen=True)
class Drawings:
    """Figures in the page's own colours, that stand in the place of files: by page, or by page and part."""

    dots: dict[str, Dots]  # of a leaderboard
    panels: dict[str, Panels]  # of a calibration
    planes: dict[str, list[Plane]]  # of a part of the costs

    def instead(self, section: Section) -> bool:
        """Whether the section's own pictures are left out."""
        return (section.key == "calibration" and bool(self.panels)) or (section.key == "cost" and bool(self.planes))


def page(board: Board, pages: Sequence[Page], digest: str, svg: Callable[[Picture], str]) -> str:
    """board.html as text. svg: a picture as it lies beside the pages."""
    script = "\n".join(_read("js", name) for name in _SCRIPTS)
    environment = _templates()

    def encoded(picture: Picture) -> str:
        return base64.b64encode(svg(picture).encode()).decode()

    environment.filters |= {"base64": encoded}
    return environment.get_template("html/page.html.jinja").render(
        pages=pages,
        digest=digest,
        style=Markup("\n".join(_read("css", name) for name in _STYLES)),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        drawings=_drawings(board),
        facts=list(_facts(board)),
    )


def anchor(name: str, place: str = "") -> str:
    """Of a page, or of a section of it; the front page has no name."""
    return "--".join(filter(None, (name or "about", place)))


def _drawings(board: Board) -> Drawings:
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


def _facts(board: Board) -> Iterator[tuple[str, str]]:
    """What the page's first lines count."""
    results = [result for result in board.results.values() if result.ok]
    yield "cells", f"{sum(result.seeds for result in results):,}"
    yield "methods", str(len({result.method for result in results}))
    yield "datasets", str(len({result.dataset for result in results}))
    yield "seeds at most", str(max((result.seeds for result in results), default=0))


def _read(kind: str, name: str) -> str:
    return (TEMPLATES / "html" / f"{name}.{kind}").read_text(encoding="utf-8").strip()


def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "inline": lambda text: inline(_linked(text)),
        "prose": lambda text: blocks(_linked(text)),
        "table": as_html,
    }
    environment.globals |= {"anchor": anchor, "shown": _shown}
    return environment


def _shown(part: Part) -> bool:
    return not part.missing


def _linked(text: str) -> str:
    return linked(str(text), lambda name, place: f"#{anchor(name, place)}")
