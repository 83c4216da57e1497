"""What stands in the tables of the two pages, read back without the reports' own code."""

import re
from html.parser import HTMLParser


def section(text: str, *titles: str) -> str:
    """The text of RESULTS.md below a chain of headings."""
    for depth, title in enumerate(titles, 2):
        text = text.split(f"\n{'#' * depth} {title}\n", 1)[1]
        text = re.split(rf"^#{{2,{depth}}} ", text, maxsplit=1, flags=re.M)[0]
    return text


def part(text: str, title: str, *, column: str) -> str:
    """What stands about a dataset below a title that begins with a paper's key, be it a heading or a line in bold."""
    below = re.split(rf"^(?:## |\*\*){re.escape(title)}.*$", text, maxsplit=1, flags=re.M)[1]
    below = re.split(rf"^(?:## |\*\*{title.split(',')[0]})", below, maxsplit=1, flags=re.M)[0]
    return below.split(f"\n### {column}\n", 1)[1].split("\n### ", 1)[0]


def part_rows(text: str, title: str, *, column: str) -> list[dict[str, str]]:
    """The first table of such a part."""
    head, *body = markdown_tables(part(text, title, column=column))[0]
    return [dict(zip(head, line, strict=True)) for line in body]


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
        if tag in ("td", "th"):
            self.inside = True
            self.found[self.region][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.found[self.region][-1][-1] += data


def html_tables(page: str) -> dict[str, list[list[str]]]:
    """Every table of board.html by name, as rows of texts, the heading first."""
    reader = _Tables()
    reader.feed(page)
    return reader.found
