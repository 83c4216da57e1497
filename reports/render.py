"""RESULTS.md, the detail pages and board.html, from the records folder and the papers' numbers.

The same records give the same bytes.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from os.path import relpath
from pathlib import Path
from types import MappingProxyType

from benchmark.files.errors import UserError
from benchmark.files.paths import figures_of, pages_of, report_of
from benchmark.records.record import Record
from datasets.common.files import put
from reports import FOLDER
from reports.html.page import page as web
from reports.markup import markdown
from reports.markup.document import Page, Picture
from reports.model.board import Board
from reports.model.folder import Folder, read
from reports.sections import answer
from reports.sections.pages import pages

NOTHING: Mapping[str, str] = MappingProxyType({})
BOARD = "board.html"
_STAMP = re.compile(r"<!-- inputs sha256:([0-9a-f]{32}) -->")
_OURS = re.compile(r"<!-- (?:inputs|records) sha256:[0-9a-f]+ -->")


@dataclass(frozen=True)
class PageFolders:
    """Where the pages of a folder of records lie."""

    front: Path  # RESULTS.md
    pages: Path
    figures: Path

    def page(self, name: str) -> Path:
        return self.pages / f"{name}.md" if name else self.front

    @property
    def board(self) -> Path:
        return self.front.with_name(BOARD)


def places(runs: Path, out: Path | None = None) -> PageFolders:
    """The places of a folder of records; out: where RESULTS.md is written instead, everything else beside it."""
    if out is None or out == report_of(runs):
        return PageFolders(report_of(runs), pages_of(runs), figures_of(runs))
    return PageFolders(out, out.with_name("pages"), out.with_name("figures"))


@dataclass(frozen=True)
class Report:
    """Everything that the pages show, computed once: Markdown, HTML and the exports are forms of it."""

    board: Board
    pages: tuple[Page, ...]
    digest: str
    drawn: dict[str, str] = field(default_factory=dict)  # by a figure's file: its SVG

    @property
    def pictures(self) -> Iterator[Picture]:
        return (picture for page in self.pages for picture in page.pictures)


def gather(runs: Path | Folder, stale: Mapping[str, str] = NOTHING) -> Report:
    """Computes what the pages show, of a folder of records or of what was read of it. stale:
    "dataset/method/variant/seed" or "dataset/method/variant" of a search -> why; these are refused and named.

    Raises UserError on a file below `runs` that is not a record."""
    folder = runs if isinstance(runs, Folder) else read(runs)
    board = Board(folder.records, stale, folder.noise, folder=folder)
    return Report(board, pages(board), folder.digest)


def write(runs: Path | Folder, out: Path | None = None, stale: Mapping[str, str] = NOTHING) -> Report:
    """Write every page of a folder of records: whole or not at all. Raises UserError where they cannot be written."""
    report = gather(runs, stale)
    folder = report.board.folder.runs
    assert folder is not None
    where = places(folder, out)
    figures = {where.figures / picture.file: svg(report, picture, where) for picture in report.pictures}
    texts = {path: text() for path, text in forms(report, where).items()}
    _forget(where, figures.keys() | texts.keys())
    for path, text in (figures | texts).items():
        if not path.is_file() or path.read_bytes() != text.encode():
            save(path, text)
    return report


def told(report: Report) -> Iterator[str]:
    """Says in a terminal what the front page of a reader's own run answers first."""
    return answer.told(report.board)


def choice(report: Report, dataset: str) -> tuple[Sequence[Record], str]:
    """The records of the row that the answer names, one per seed, and the metric by which it was chosen. Raises
    ValueError where no row has a number."""
    chosen, metric = answer.choice(report.board, dataset)
    return chosen.ok, metric


def forms(report: Report, where: PageFolders) -> dict[Path, Callable[[], str]]:
    """Every page's file, and how its text is made."""

    def of(page: Page) -> Callable[[], str]:
        return lambda: as_markdown(report, page, where)

    found = {where.page(page.name): of(page) for page in report.pages}
    return found | {where.board: lambda: as_html(report, where)}


def as_markdown(report: Report, page: Page, where: PageFolders) -> str:
    """A page as Markdown, its links seen from where it lies."""
    folder = where.page(page.name).parent

    def link(name: str, anchor: str) -> str:
        target = "" if name == page.name and anchor else relpath(where.page(name), folder)
        return target + (f"#{anchor}" if anchor else "")

    top = "" if not page.name else f"[Results](@) · {' · '.join(f'[{p.title}](@{p.name})' for p in report.pages[1:])}"
    return markdown.page(page, digest=report.digest, link=link, figures=relpath(where.figures, folder), top=top)


def as_html(report: Report, where: PageFolders) -> str:
    """board.html: every page in one file that asks for nothing."""
    return web(report.board, report.pages, report.digest, lambda picture: svg(report, picture, where))


def svg(report: Report, picture: Picture, where: PageFolders) -> str:
    """The figure's SVG, made once for a report."""
    if picture.file not in report.drawn:
        report.drawn[picture.file] = drawn(picture, where)
    return report.drawn[picture.file]


def drawn(picture: Picture, where: PageFolders) -> str:
    """The figure's SVG: the file that is there where it was drawn from the same, else drawn now."""
    stamp = hashlib.sha256(f"{picture.stamp} {_code()}".encode()).hexdigest()[:32]
    path = where.figures / picture.file
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = ""
    found = _STAMP.search(text)
    if found and found[1] == stamp:
        return text
    return picture.draw().rstrip("\n") + f"\n<!-- inputs sha256:{stamp} -->\n"


@cache
def _code() -> str:
    """A digest of what draws."""
    total = hashlib.sha256()
    for path in sorted((FOLDER / "plots").glob("*.py")):
        total.update(path.read_bytes())
    return total.hexdigest()


def _forget(where: PageFolders, kept: set[Path]) -> None:
    """Delete pages and figures of ours that nothing shows any more. Raises UserError."""
    for path in (*where.pages.glob("*.md"), *where.figures.glob("*.svg")):
        if path not in kept and _OURS.search(path.read_text(encoding="utf-8", errors="replace")):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise UserError(f"{path} cannot be deleted ({error.strerror or error})") from None


def save(out: Path, text: str) -> None:
    """Put a text in place: whole or not at all. Raises UserError where it cannot be written."""
    try:
        put(out, text.encode())
    except OSError as error:
        raise UserError(f"{out} cannot be written ({error.strerror or error}): choose a folder that can") from None
