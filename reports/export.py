"""The pages' tables for a paper's appendix, one CSV and one LaTeX file each; and the cells for a notebook."""

from pathlib import Path

from benchmark.files.errors import UserError
from reports import cells
from reports.markup.latex import as_tex
from reports.markup.sheet import as_csv
from reports.render import Report, save


def export(report: Report, folder: Path) -> list[Path]:
    """Write `<name>.csv` and `<name>.tex` of every table, and the tidy cells; returns their paths. Raises UserError
    where it cannot."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be made ({error.strerror or error}): choose another for --export") from None
    paths = []
    for table in (table for page in report.pages for table in page.tables):
        for suffix, text in ((".csv", as_csv(table)), (".tex", as_tex(table, report.digest))):
            save(path := folder / f"{table.name}{suffix}", text)
            paths.append(path)
    return [*paths, *cells.write(report.board, folder)]
