"""Every table of the pages for a paper's appendix: one CSV file and one LaTeX file (booktabs) each."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmark.files.errors import UserError
from reports.markup.inline import bare, tex
from reports.markup.markdown import NONE, Sheet
from reports.render import save
from reports.sections.content import Content, Titled

_NUMBER = re.compile(r"[-+]?\d[\d,]*(\.\d+)?")
_LONG = 40  # letters from which a LaTeX column breaks its lines


def export(found: Content, folder: Path) -> list[Path]:
    """Write `<name>.csv` and `<name>.tex` of every table; returns their paths. Raises UserError where it cannot."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be made ({error.strerror or error}): choose another for --export") from None
    paths = []
    for titled in found.tables:
        for suffix, text in ((".csv", as_csv(titled.table)), (".tex", as_tex(titled, found.digest))):
            save(path := folder / f"{titled.name}{suffix}", text)
            paths.append(path)
    return paths


def as_csv(sheet: Sheet) -> str:
    """The table for a program: a mean and its standard deviation in columns of their own, no thousands separators, no
    marks of best and second, and nothing where there is no number."""
    columns = [
        (title, texts)
        for place, name in enumerate(names(sheet.head))
        for title, texts in _split(name, [bare(row[place]) for row in sheet.rows])
    ]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([title for title, _ in columns])
    writer.writerows(zip(*(texts for _, texts in columns), strict=True))
    return out.getvalue()


def names(head: Sequence[str]) -> list[str]:
    """Headings made unique: one that comes again ("Δ") follows the last one that does not ("MAE ↓ Δ")."""
    titles = [bare(text) for text in head]
    counts, found, last = Counter(titles), [], ""
    for title in titles:
        if counts[title] == 1:
            last = title
        found.append(title if counts[title] == 1 else f"{last} {title}")
    return found


def _split(name: str, texts: list[str]) -> Iterator[tuple[str, list[str]]]:
    """A column as one, or as mean and standard deviation."""
    texts = ["" if text == NONE else text for text in texts]
    parts = [text.partition(" ± ") for text in texts]
    percent = all(text.endswith(" %") for text in texts if text) and any(texts)
    yield name + " (%)" * percent, [_number(mean.removesuffix(" %") if percent else mean) for mean, _, _ in parts]
    if any(spread for _, _, spread in parts):
        yield f"{name} std", [_number(spread) for _, _, spread in parts]


def _number(text: str) -> str:
    return text.replace(",", "") if _NUMBER.fullmatch(text) else text


def as_tex(titled: Titled, digest: str) -> str:
    """A table environment: best bold, second underlined, special characters escaped."""
    sheet = titled.table
    lines = [
        f"% {titled.name}: made by python -m benchmark report --export, records sha256:{digest}",
        r"% needs \usepackage{booktabs}",
        r"\begin{table}[htbp]",
        r"\centering\footnotesize\setlength{\tabcolsep}{4pt}",
        rf"\caption{{{tex(titled.caption)}}}",
        rf"\label{{tab:{titled.name}}}",
        rf"\begin{{tabular}}{{{''.join(_columns(sheet))}}}",
        r"\toprule",
        rf"{' & '.join(map(tex, sheet.head))} \\",
        r"\midrule",
        *(rf"{' & '.join(map(tex, row))} \\" for row in sheet.rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _columns(sheet: Sheet) -> Iterator[str]:
    for place, align in enumerate(sheet.align):
        longest = max((len(bare(row[place])) for row in sheet.rows), default=0)
        yield "p{5cm}" if longest > _LONG else align[0]
