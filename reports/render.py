"""RESULTS.md, and beside it board.html, from the records folder and the papers' numbers.

The same records give the same bytes.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmark.files.errors import UserError
from benchmark.files.paths import figures_of
from datasets.common.files import put
from reports import FOLDER
from reports.html.page import page
from reports.plots import calibration as deciles
from reports.plots import pareto
from reports.sections.content import NOTHING, Content, content

BOARD = "board.html"
TEMPLATES = FOLDER / "templates"


def render(runs: Path, *, stale: Mapping[str, str] = NOTHING) -> str:
    """RESULTS.md as text. stale: "dataset/method/variant/seed" -> why; these cells are refused and named.

    Raises UserError on a file below `runs` that is not a record."""
    return markdown(content(runs, stale))


def markdown(found: Content) -> str:
    """RESULTS.md as text."""
    snippet = (TEMPLATES / "snippet.py.txt").read_text().rstrip()
    return templates().get_template("results.md.jinja").render(vars(found), snippet=snippet)


def write(runs: Path, out: Path, stale: Mapping[str, str] = NOTHING) -> Content:
    """Render to `out`, and board.html beside it: whole or not at all. Raises UserError where they cannot be written."""
    found = content(runs, stale)
    pages = {path: FORMS[path.suffix](found) for path in (out, out.with_name(BOARD))}
    folder = figures_of(runs)
    drawn = pareto.drawn(found.front, runs) | deciles.drawn(found.board, runs)
    figures = {folder / name: svg for name, svg in drawn.items()}
    figures |= {folder / picture.file: picture.svg for picture in found.pictures}
    for path, text in (pages | figures).items():
        save(path, text)
    return found


def save(out: Path, text: str) -> None:
    """Put a text in place: whole or not at all. Raises UserError where it cannot be written."""
    try:
        put(out, text.encode())
    except OSError as error:
        raise UserError(f"{out} cannot be written ({error.strerror or error}): choose a folder that can") from None


def templates() -> Environment:
    """The Markdown templates. Text from records is escaped by reports.markup.markdown.plain and code."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


FORMS: Mapping[str, Callable[[Content], str]] = {".md": markdown, ".html": page}
