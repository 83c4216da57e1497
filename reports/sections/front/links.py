"""The other pages, and how to rebuild a leaderboard without them."""

from collections.abc import Sequence

from reports import FOLDER
from reports.markup.document import Page, Part, Section
from reports.model.board import Board

SNIPPET = FOLDER / "templates" / "snippet.py.txt"


def section(pages: Sequence[Page]) -> Section | None:
    """A line for each page with its sections."""
    lines = tuple(f"[{page.title}](@{page.name}): {_sections(page)}." for page in pages)
    return Section("pages", "Every table and figure", (), (Part(lines=lines),), listed=True) if lines else None


def _sections(page: Page) -> str:
    shown = [f"[{section.title}](@{page.name}#{section.key})" for section in page.sections[:4]]
    more = len(page.sections) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def rebuild(board: Board) -> Section | None:
    """Lines of pandas that make a table of these pages from the committed records."""
    snippet = SNIPPET.read_text(encoding="utf-8").rstrip()
    code = f"```python\n{snippet}\n```"
    return Section("rebuild", "Rebuild a leaderboard yourself", (code,)) if board.datasets else None
