"""Pages and tables as Markdown. No column is padded: a diff shows what changed, and GitHub sets the columns itself."""

import re
from collections.abc import Callable, Iterator

from reports.markup.document import Page, Part, Section
from reports.markup.table import Column, Entry, Table, said

_LINK = re.compile(r"\]\(@([a-z0-9-]*)(?:#([a-z0-9-]*))?\)")
_PIPE, _ESCAPED = re.compile(r"(?<!\\)\|"), r"\|"
Link = Callable[[str, str], str]  # a page's name and an anchor on it -> the address, seen from the page that is written


def table(found: Table) -> str:
    """A pipe table; best in bold, second underlined."""
    rule = "|".join(":--" if column.words else "--:" for column in found.columns)
    lines = [_line([_head(column) for column in found.columns]), f"|{rule}|"]
    lines += [_line([_cell(c, e) for c, e in zip(found.columns, row, strict=True)]) for row in found.rows]
    return "\n".join(lines)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(_PIPE.sub(_ESCAPED, cell.strip()) for cell in cells)} |"


def _head(column: Column) -> str:
    return f"{column.group}: {column.title}" if column.group else column.title


def _cell(column: Column, entry: Entry) -> str:
    text = said(column, entry)
    return f"**{text}**" if entry.mark == "best" else f"<u>{text}</u>" if entry.mark == "second" else text


def page(found: Page, *, digest: str, link: Link, figures: str, top: str = "") -> str:
    """A whole page. figures: their folder, seen from the page. top: a line of links above everything."""
    blocks = [f"# {found.title}", f"<!-- records sha256:{digest} -->", *filter(None, [top]), *found.about]
    if len(found.sections) > 2:
        blocks.append("\n".join(f"- [{section.title}](#{section.key})" for section in found.sections))
    for section in found.sections:
        blocks += _section(section, figures)
    return linked("\n\n".join(blocks) + "\n", link)


def linked(text: str, link: Link) -> str:
    """The text with every page's address where it is named."""
    return _LINK.sub(lambda found: f"]({link(found[1], found[2] or '')})", text)


def _section(section: Section, figures: str) -> Iterator[str]:
    yield f'<a id="{section.key}"></a>\n\n## {section.title}'
    yield from section.about
    for part in section.parts:
        yield from _part(part, section, figures)


def _part(part: Part, section: Section, figures: str) -> Iterator[str]:
    if part.title:
        yield f"### {part.title}"
    if part.missing:
        yield f"Not run: {part.missing}."
    yield from filter(None, [part.about])
    for place, found in enumerate(part.tables):
        folded = part.fold and place > 0
        caption = f"<summary>{found.caption}</summary>" if folded else f"**{found.caption}**"
        if folded:
            yield f"<details>{caption}\n\n{table(found)}\n\n</details>"
        else:
            yield from [caption] * (len(part.tables) > 1)
            yield table(found)
        yield from found.notes
    yield from (f"![{picture.alt}]({figures}/{picture.file})" for picture in part.pictures)
    if section.listed and part.lines:
        yield "\n".join(f"- {line}" for line in part.lines)
    else:
        yield from part.lines
