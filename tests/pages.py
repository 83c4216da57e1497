"""What stands in the tables and on the pages, read without the reports' own renderers."""

import base64
import re
import zlib
from html.parser import HTMLParser

from reports.markup.document import Page, Section
from reports.markup.table import Table, said
from reports.render import Report


def page_of(report: Report, name: str) -> Page:
    return next(page for page in report.pages if page.name == name)


def section_of(report: Report, name: str, key: str) -> Section:
    """A section of a page, by its anchor."""
    return next(section for section in page_of(report, name).sections if section.key == key)


def keys(report: Report, name: str) -> list[str]:
    """The sections of a page; none where there is no such page."""
    return [section.key for page in report.pages if page.name == name for section in page.sections]


def lines(section: Section, part: str = "") -> str:
    """What a section, or one of its parts, says beside its tables."""
    parts = [p for p in section.parts if not part or p.title == part]
    texts = [*section.about] * (not part) + [text for p in parts for text in (p.about, p.missing, *p.lines) if text]
    return "\n".join(texts)


def tables_of(report: Report) -> dict[str, Table]:
    found = [table for page in report.pages for table in page.tables]
    assert len({table.name for table in found}) == len(found), "two tables have one name"
    return {table.name: table for table in found}


def rows(table: Table | None, *, marks: bool = True) -> list[dict[str, str]]:
    """A table's rows by heading, as Markdown writes them, the best in bold, the second underlined; or bare."""
    assert table is not None
    if not marks:
        head, *found = bare_rows(table)
        return [dict(zip(head, row, strict=True)) for row in found]
    dressed = {"best": "**{}**", "second": "<u>{}</u>", "": "{}"}
    return [
        {c.title: dressed[e.mark].format(said(c, e)) for c, e in zip(table.columns, row, strict=True)}
        for row in table.rows
    ]


def by(table: Table | None, heading: str) -> dict[str, dict[str, str]]:
    """The same by the text of one of its columns."""
    return {row[heading]: row for row in rows(table)}


def markdown_tables(text: str) -> list[list[list[str]]]:
    """Every pipe table as rows of bare texts, the heading first."""
    return [
        [[_bare(cell) for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in (lines[0], *lines[2:])]
        for lines in (block.strip().split("\n") for block in re.findall(r"(?:^\|.*(?:\n|\Z))+", text, flags=re.M))
    ]


def _bare(cell: str) -> str:
    """The cell without **, *, <u>, ` and escapes; code keeps what is inside it."""
    parts = re.split(r"`([^`]*)`", cell.strip())
    parts[::2] = [re.sub(r"(?<!\\)\*|</?u>", "", part) for part in parts[::2]]
    parts[::2] = [re.sub(r"\\([\\`*_|<>\[\]])", r"\1", part) for part in parts[::2]]
    return "".join(parts).replace("\\|", "|")


def bare_rows(table: Table) -> list[list[str]]:
    """A table as rows of bare texts, the heading first."""
    lines = [[column.title for column in table.columns]]
    lines += [[said(c, e) for c, e in zip(table.columns, row, strict=True)] for row in table.rows]
    return [[" ".join(_bare(text).split()) for text in line] for line in lines]


class _Tables(HTMLParser):
    """The tables of a page by the id of the region around each."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[list[str]]] = {}
        self.region, self.inside = "", False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("role") == "region":
            self.region = given.get("id") or ""
        if tag == "table":
            self.found[self.region] = []
        if tag == "tr":
            self.found[self.region].append([])
        if tag in ("tr", "td", "th"):
            self.inside = tag != "tr"
        if self.inside and tag in ("td", "th"):
            self.found[self.region][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag not in ("td", "th", "tr", "thead", "tbody", "table")

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.found[self.region][-1][-1] += data.strip("\n")


def unpacked(page: str) -> str:
    """board.html with every view in its place, as the page's script puts it there."""

    def view(found: re.Match[str]) -> str:
        return f">{zlib.decompress(base64.b64decode(found[1])).decode()}"

    return re.sub(r' data-packed="([^"]*)">', view, page)


def html_tables(page: str) -> dict[str, list[list[str]]]:
    """Every table of board.html by name, as rows of texts, the heading first."""
    reader = _Tables()
    reader.feed(page)
    return reader.found
