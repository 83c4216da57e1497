"""A table as LaTeX with booktabs: best bold, second underlined, everything special escaped."""

from collections.abc import Iterator

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
