"""The other pages, and how to rebuild a leaderboard without them."""

from collections.abc import Sequence

from reports import FOLDER
from reports.markup.document import Page, Part, Section, slug
from reports.model.board import Board

BOARDS = slug("board", "")  # what the names of their pages begin with
_SHOWN = 12  # sections of a page that are named
SNIPPET = FOLDER / "templates" / "snippet.py.txt"


def section(pages: Sequence[Page]) -> Section | None:
    """A line for all boards, and one for each other page with its first sections."""
    boards = [page for page in pages if page.name.startswith(BOARDS)]
    lines = [f"Boards: {', '.join(f'[{page.label}](@{page.name})' for page in boards)}."] if boards else []
    lines += [f"[{page.title}](@{page.name}): {_sections(page)}." for page in pages if page not in boards]
    return Section("pages", "Every table and figure", (), (Part(lines=tuple(lines)),), listed=True) if lines else None


def _sections(page: Page) -> str:
    shown = [f"[{_short(section.title)}](@{page.name}#{section.key})" for section in page.sections[:_SHOWN]]
    more = len(page.sections) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _short(title: str) -> str:
    """A title without its explanation."""
    return title.partition(":")[0]


def rebuild(board: Board) -> Section | None:
    """Lines of pandas that make a table of these pages from the committed records."""
    snippet = SNIPPET.read_text(encoding="utf-8").rstrip()
    code = f"```python\n{snippet}\n```"
    return Section("rebuild", "Rebuild a leaderboard yourself", (code,)) if board.datasets else None
