"""board.html: the content of RESULTS.md in one page that needs no network. The same records give the same bytes."""

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports import FOLDER
from reports.markup.inline import bare, blocks, inline
from reports.markup.markdown import plain
from reports.plots.geometry import dots, planes
from reports.plots.panels import panels
from reports.sections.content import Content, Titled

TEMPLATES = FOLDER / "templates"
_STYLES = ("page", "bar", "table", "figure")
_SCRIPTS = ("theme", "sort", "filter")
_VALUE = re.compile(
    r"([-+−]?\d[\d,]*(?:\.\d+)?)(?!\w)[^A-Za-z]*[A-Za-z]{0,2}"
)  # "20.1 ± 0.2", "+4.3 %", "0.8 s", "2–4"
_MILLIONS = re.compile(r"(\d[\d,.]*)M")
_SPREAD = re.compile(r" ± [\d.,]+")


@dataclass(frozen=True)
class Cell:
    """A cell as the page shows it; `value` is what its column is sorted by, where it is a number."""

    html: Markup
    value: float | None
    number: bool  # whether it is set as one
    heads_row: bool

    @property
    def long(self) -> bool:
        """Whether it needs lines of its own."""
        return len(self.html.striptags()) > 36


@dataclass(frozen=True)
class Heading:
    """A column's heading; `descending`: its first click puts the greatest first."""

    text: Markup
    number: bool
    descending: bool


@dataclass(frozen=True)
class Grid:
    """A table as the page shows it."""

    name: str
    caption: Markup
    head: tuple[Heading, ...]
    rows: tuple[tuple[Cell, ...], ...]


def page(found: Content) -> str:
    """board.html as text."""
    board = found.board
    script = "\n".join(_read("js", name) for name in _SCRIPTS)
    return (
        _templates()
        .get_template("html/page.html.jinja")
        .render(
            vars(found),
            style=Markup("\n".join(_read("css", name) for name in _STYLES)),
            script=Markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            figures=[dots(found.front, dataset, f"figure-{place}") for place, dataset in enumerate(board.datasets)],
            planes={plain(d): planes(found.front, d, f"plane-{place}") for place, d in enumerate(board.datasets)},
            panels={plain(d): panels(board, d, f"panels-{place}") for place, d in enumerate(board.datasets)},
            facts=list(_facts(found)),
        )
    )


def grid(titled: Titled) -> Grid:
    """The same texts as the Markdown table's, each with what it is sorted by."""
    sheet = titled.table
    heads_row = 1 if sheet.head[0] == "#" else 0
    return Grid(
        titled.name,
        inline(titled.caption),
        tuple(
            Heading(inline(text), align == "right", "↑" in text)
            for text, align in zip(sheet.head, sheet.align, strict=True)
        ),
        tuple(
            tuple(
                Cell(_cell(text), value(bare(text)), align == "right", place == heads_row)
                for place, (text, align) in enumerate(zip(row, sheet.align, strict=True))
            )
            for row in sheet.rows
        ),
    )


def value(text: str) -> float | None:
    """The number that a cell leads with; None where it leads with none."""
    if found := _MILLIONS.fullmatch(text):
        return float(found[1].replace(",", "")) * 1e6
    found = _VALUE.fullmatch(text)
    return float(found[1].replace(",", "").replace("−", "-")) if found else None


def _cell(markdown: str) -> Markup:
    """The standard deviation set quieter than the mean."""
    return Markup(_SPREAD.sub(lambda m: f'<span class="spread">{m[0]}</span>', inline(markdown)))


def _facts(found: Content) -> Iterator[tuple[str, str]]:
    """What the page's first lines count."""
    entries = [entry for entry in found.board.entries.values() if entry.ok]
    yield "cells", f"{sum(entry.seeds for entry in entries):,}"
    yield "methods", str(len({entry.method for entry in entries}))
    yield "datasets", str(len({entry.dataset for entry in entries}))
    yield "seeds at most", str(max((entry.seeds for entry in entries), default=0))


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
    environment.filters |= {"inline": inline, "prose": blocks, "grid": grid}
    return environment
