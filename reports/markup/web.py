"""A table as HTML. End tags that HTML does not need are left out: there are tens of thousands of cells."""

from collections.abc import Iterator

from markupsafe import Markup, escape

from reports.markup.inline import inline
from reports.markup.table import Column, Entry, Table, said

_LONG = 36  # letters from which a text needs lines of its own


def as_html(table: Table) -> Markup:
    """A region that scrolls by itself, its caption, and buttons that sort. The first column but a place heads the rows.

    A cell is sorted by the number that its text begins with, or by `data-value` where the text is another. Classes of a
    table: `w1` where its first column holds words, `k` where the first are place, method, variant and seeds; of a cell:
    `l` where its words need lines of their own. `i` is the spread."""
    head = 1 if table.columns and table.columns[0].key == "rank" else 0
    ranking = [column.key for column in table.columns[:4]] == ["rank", "method", "variant", "seeds"]
    kinds = [f"w{place}" for place, column in enumerate(table.columns, 1) if column.words] + ["k"] * ranking
    name = escape(table.name)
    return Markup(
        f'<div class="scroll" id="{name}" role="region" aria-labelledby="{name}-caption" tabindex="0">'
        f'<table class="{" ".join(kinds)}"><caption id="{name}-caption">{inline(table.caption)}</caption>\n'
        f"<thead><tr>{''.join(map(_heading, table.columns))}</thead>\n<tbody>\n"
        + "\n".join(f"<tr>{''.join(_cells(table, row, head))}" for row in table.rows)
        + "\n</tbody></table></div>"
    )


def _heading(column: Column) -> str:
    first = ' data-first="descending"' if column.better == "high" else ""
    words = " data-words" if column.words else ""
    return f'<th scope="col"{words}><button type="button"{first}>{inline(column.title)}</button>'


def _cells(table: Table, row: tuple[Entry, ...], head: int) -> Iterator[str]:
    for place, (column, entry) in enumerate(zip(table.columns, row, strict=True)):
        html = _html(column, entry)
        value = _value(column, entry)
        long = column.words and place != head and len(html.striptags()) > _LONG
        yield f"<th{value}>{html}" if place == head else f"<td{' class=l' if long else ''}{value}>{html}"


def _value(column: Column, entry: Entry) -> str:
    """What a cell is sorted by, where its text does not begin with that number; nothing where it only looks so."""
    if entry.value is not None and (column.words or entry.text.replace(",", "") not in ("", f"{entry.value:.0f}")):
        return f' data-value="{entry.value:.6g}"'
    return ' data-value=""' if not column.words and entry.value is None and entry.text[:1].isdigit() else ""


def _html(column: Column, entry: Entry) -> Markup:
    """The standard deviation set quieter than the mean."""
    mean, sign, rest = said(column, entry).partition(" ± ") if not entry.text else (said(column, entry), "", "")
    html = inline(mean)
    if sign:
        std, _, after = rest.partition(" ")
        html += Markup("<i> ± {}</i>").format(std) + (f" {after}" if after else "")
    tag = {"best": "strong", "second": "u", "": ""}[entry.mark]
    return Markup(f"<{tag}>{html}</{tag}>") if tag else html
