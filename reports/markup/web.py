"""A table as HTML: sorted by its numbers, which it carries beside their texts."""

from collections.abc import Iterator

from markupsafe import Markup, escape

from reports.markup.inline import inline
from reports.markup.table import Column, Entry, Table, said

_LONG = 36  # letters from which a text needs lines of its own


def as_html(table: Table) -> Markup:
    """A region that scrolls by itself, its caption, and buttons that sort. The first column but "#" heads the rows."""
    head = 1 if table.columns and table.columns[0].key == "rank" else 0
    lines = [
        f'<div class="scroll" id="{escape(table.name)}" role="region" aria-labelledby="{escape(table.name)}-caption" '
        'tabindex="0">',
        "<table>",
        f'<caption id="{escape(table.name)}-caption">{inline(table.caption)}</caption>',
        "<thead><tr>",
        *map(_heading, table.columns),
        "</tr></thead>",
        "<tbody>",
        *(f"<tr>{''.join(_cells(table, row, head))}</tr>" for row in table.rows),
        "</tbody>",
        "</table>",
        '<p class="none" hidden>No row of this table holds these words.</p>',
        "</div>",
    ]
    return Markup("\n".join(lines))


def _heading(column: Column) -> str:
    kind = "" if column.words else ' class="number"'
    first = ' data-first="descending"' if column.better == "high" else ""
    return f'<th scope="col"{kind}><button type="button"{first}>{inline(column.title)}</button></th>'


def _cells(table: Table, row: tuple[Entry, ...], head: int) -> Iterator[str]:
    for place, (column, entry) in enumerate(zip(table.columns, row, strict=True)):
        html = _html(column, entry)
        value = "" if entry.value is None else f' data-value="{entry.value:.9g}"'
        if place == head:
            yield f'<th scope="row"{value}>{html}</th>'
        else:
            long = ' class="long"' if column.words and len(html.striptags()) > _LONG else ""
            kind = long if column.words else ' class="number"'
            yield f"<td{kind}{value}>{html}</td>"


def _html(column: Column, entry: Entry) -> Markup:
    """The standard deviation set quieter than the mean."""
    mean, sign, rest = said(column, entry).partition(" ± ") if not entry.text else (said(column, entry), "", "")
    html = inline(mean)
    if sign:
        std, _, after = rest.partition(" ")
        html += Markup('<span class="spread"> ± {}</span>').format(std) + (f" {after}" if after else "")
    tag = {"best": "strong", "second": "u", "": ""}[entry.mark]
    return Markup(f"<{tag}>{html}</{tag}>") if tag else html
