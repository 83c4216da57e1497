"""What a section of the pages is made of."""

from dataclasses import dataclass
from typing import NamedTuple

from reports.markup.markdown import Sheet
from reports.markup.picture import Picture


class Titled(NamedTuple):
    """A table, the name of its export and its caption as Markdown."""

    name: str
    caption: str
    table: Sheet


@dataclass(frozen=True)
class Block:
    """A part of a section: its tables, figures and lines, or the reason why there are none. All texts are Markdown."""

    column: str  # its title: a dataset as the paper, or as the records name it
    missing: str = ""
    rows: str = ""  # whose rows are compared
    tables: tuple[Titled, ...] = ()
    pictures: tuple[Picture, ...] = ()
    lines: tuple[str, ...] = ()


class Section(NamedTuple):
    """A section of its own: a title, what it is about, and a part for each dataset."""

    title: str
    about: str
    blocks: tuple[Block, ...]
