"""board.html: every page in one file that needs no network, one in view. The same records give the same bytes."""

import base64
import hashlib
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from benchmark.files.paths import version
from reports import FOLDER
from reports.html.drawings import drawings
from reports.markup.document import Page, Picture, slug
from reports.markup.inline import bare, blocks, inline
from reports.markup.markdown import linked
from reports.markup.web import as_html
from reports.model.board import Board

TEMPLATES = FOLDER / "templates"
START = "start"  # the view of the front page
_SPACE = ' xmlns="http://www.w3.org/2000/svg"'  # what HTML knows by itself
_STYLES = ("page", "bar", "front", "table", "figure")
_SCRIPTS = ("pack", "theme", "sort", "filter", "views")


@dataclass(frozen=True)
class Addresses:
    """Where each page and each of its headings stands: "data", "data--leaderboard"."""

    views: dict[str, str]  # a page's name -> its view's id

    @classmethod
    def of(cls, pages: Sequence[Page]) -> "Addresses":
        """A board and a paper by their own names, where no other page has that one."""
        short = [page.name.removeprefix("board-").removeprefix("paper-") or START for page in pages]
        return cls({p.name: s if short.count(s) == 1 else p.name for p, s in zip(pages, short, strict=True)})

    def __call__(self, name: str, *places: str) -> str:
        """Of a page, a section of it, a part of that."""
        return "--".join([self.views.get(name, name), *filter(None, map(slug, places))])

    def linked(self, text: str) -> str:
        """Markdown with every page's address where it is named."""
        return linked(str(text), lambda name, place: f"#{self(name, place)}")


def page(board: Board, pages: Sequence[Page], digest: str, svg: Callable[[Picture], str]) -> str:
    """board.html as text. svg: a picture as it lies beside the pages."""
    addresses = Addresses.of(pages)
    first, script = _read("js", "first"), "\n".join(_read("js", name) for name in _SCRIPTS)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters: dict[str, Callable[..., str]] = {
        "inline": lambda text: inline(addresses.linked(text)),
        "prose": lambda text: blocks(addresses.linked(text)),
        "table": as_html,
        "drawing": lambda picture: Markup(svg(picture).replace(_SPACE, "")),
        "packed": lambda picture: Markup('<img alt="{}" data-svg="{}">').format(picture.alt, packed(svg(picture))),
        "bare": bare,
    }
    environment.filters |= filters
    figures = drawings(board)
    view = environment.get_template("html/view.html.jinja")
    environment.globals |= {
        "anchor": addresses,
        "cut": cut,
        "view": lambda shown: packed(view.render(page=shown, drawings=figures)),
    }
    return environment.get_template("html/page.html.jinja").render(
        pages=pages,
        digest=digest,
        version=version(),
        style=Markup("\n".join(_read("css", name) for name in _STYLES)),
        first=Markup(first),
        script=Markup(script),
        hashes=Markup(" ".join(f"'sha256-{_hash(text)}'" for text in (first, script))),
        drawings=figures,
        facts=list(_facts(board)),
    )


def packed(text: str) -> str:
    """A view or a figure, deflated: together they are several megabytes, and a reader sees one at a time."""
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def cut(line: str) -> tuple[str, str]:
    """The answer of a finding, which stands in bold, and what follows."""
    head, _, rest = line.removeprefix("**").partition("**")
    return head, rest.strip()


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _facts(board: Board) -> Iterator[tuple[str, str]]:
    """What the page's first lines count."""
    results = [result for result in board.results.values() if result.ok]
    yield "cells", f"{sum(result.seeds for result in results):,}"
    yield "methods", str(len({result.method for result in results}))
    yield "datasets", str(len({result.dataset for result in results}))
    yield "seeds at most", str(max((result.seeds for result in results), default=0))


def _read(kind: str, name: str) -> str:
    return (TEMPLATES / "html" / f"{name}.{kind}").read_text(encoding="utf-8").strip()
