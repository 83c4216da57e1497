"""A table as LaTeX with booktabs: best bold, second underlined, everything special escaped."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from benchmark.files.errors import UserError
from reports.markup.inline import bare, tex
from reports.markup.table import Column, Entry, Table, said

_LONG = 40  # letters from which a column breaks its lines


def as_tex(table: Table, digest: str) -> str:
    """A table environment for the appendix of a paper."""
    lines = [
        f"% {table.name}: made by python -m benchmark report --export, records sha256:{digest}",
        r"% needs \usepackage{booktabs}",
        r"\begin{table}[htbp]",
        r"\centering\footnotesize\setlength{\tabcolsep}{4pt}",
        rf"\caption{{{tex(table.caption)}}}",
        rf"\label{{tab:{table.name}}}",
        rf"\begin{{tabular}}{{{''.join(_columns(table))}}}",
        r"\toprule",
        rf"{' & '.join(tex(column.title) for column in table.columns)} \\",
        r"\midrule",
        *(rf"{' & '.join(cell(c, e) for c, e in zip(table.columns, row, strict=True))} \\" for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def cell(column: Column, entry: Entry) -> str:
    """An entry with its mark."""
    text = tex(said(column, entry))
    return {"best": rf"\textbf{{{text}}}", "second": rf"\underline{{{text}}}", "": text}[entry.mark]


def _columns(table: Table) -> Iterator[str]:
    for place, column in enumerate(table.columns):
        longest = max((len(bare(said(column, row[place]))) for row in table.rows), default=0)
        yield "p{5cm}" if column.words and longest > _LONG else "l" if column.words else "r"


# --- as wide as a page of two columns

_TEXTWIDTH = 450.0  # pt: the narrowest of the usual two-column classes
_LETTER, _GAP = 4.3, 6.0  # pt: a letter of \\footnotesize, and what lies between two columns


def as_wide_tex(table: Table, digest: str, *, groups: int, own: str) -> str:
    """A table* for a two-column class: the columns' groups beside each other, one below the other where they would be
    too wide. groups: how many columns each has; own: the tie that is set as a raised dagger.

    Raises UserError where one group alone is too wide."""
    heads = [list(members) for _, members in groupby(table.columns[1:], key=lambda column: column.group)]
    rows = [[_wide(c, e, own) for c, e in zip(table.columns, row, strict=True)] for row in table.rows]
    plain_rows = [[bare(said(c, e)) for c, e in zip(table.columns, row, strict=True)] for row in table.rows]
    widths = [
        max(len(bare(column.title)), *(len(row[place]) for row in plain_rows)) * _LETTER + _GAP
        for place, column in enumerate(table.columns)
    ]
    widest = widths[0] + max(sum(widths[1 + k : 1 + k + groups]) for k in range(0, len(widths) - 1, groups))
    if widest > _TEXTWIDTH:
        raise UserError("the table is wider than a page of two columns: ask for fewer --columns")
    beside = sum(widths) <= _TEXTWIDTH
    body = _beside(table, heads, rows) if beside else _below(table, heads, rows)
    lines = [
        f"% {table.name}: made by python -m benchmark report --focus, records sha256:{digest}",
        r"% needs \usepackage{booktabs}",
        r"\begin{table*}[t]",
        r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
        rf"\caption{{{tex(table.caption).replace(own, _DAGGER)}}}",
        rf"\label{{tab:{table.name}}}",
        *body,
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


_DAGGER = r"$^{\dagger}$"


def _wide(column: Column, entry: Entry, own: str) -> str:
    return cell(column, replace(entry, tie="")) + (_DAGGER if entry.tie == own else "")


def _beside(table: Table, heads: Sequence[Sequence[Column]], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The groups beside each other, each below its name."""
    yield rf"\begin{{tabular}}{{l{''.join('r' * len(members) for members in heads)}}}"
    yield r"\toprule"
    if any(members[0].group for members in heads):
        names = (rf"\multicolumn{{{len(members)}}}{{c}}{{{tex(members[0].group)}}}" for members in heads)
        yield rf" & {' & '.join(names)} \\"
        starts = [2 + sum(len(members) for members in heads[:place]) for place in range(len(heads))]
        spans = zip(starts, heads, strict=True)
        yield "".join(rf"\cmidrule(lr){{{start}-{start + len(members) - 1}}}" for start, members in spans)
    yield rf"{' & '.join(tex(column.title) for column in table.columns)} \\"
    yield from _body(rows)
    yield from (r"\bottomrule", r"\end{tabular}")


def _below(table: Table, heads: Sequence[Sequence[Column]], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The groups one below the other."""
    count = len(heads[0])
    yield rf"\begin{{tabular}}{{l{'r' * count}}}"
    yield r"\toprule"
    yield rf"{' & '.join(tex(column.title) for column in (table.columns[0], *heads[0]))} \\"
    for place, members in enumerate(heads):
        yield r"\midrule"
        yield rf"\multicolumn{{{count + 1}}}{{l}}{{\textit{{{tex(members[0].group)}}}}} \\"
        start = 1 + place * count
        yield from (rf"{' & '.join((row[0], *row[start : start + count]))} \\" for row in rows)
    yield from (r"\bottomrule", r"\end{tabular}")


def _body(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The last row, the method that the table is about, apart."""
    yield r"\midrule"
    yield from (rf"{' & '.join(row)} \\" for row in rows[:-1])
    yield r"\midrule"
    yield rf"{' & '.join(rows[-1])} \\"
