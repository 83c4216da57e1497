"""What a page is made of: sections of parts, each with tables, figures and sentences. Every form of a page shows it.

A link is written `[words](@page#anchor)`; a form puts the page's own address there.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from reports.markup.table import Table


@dataclass(frozen=True)
class Picture:
    """A figure, drawn when somebody asks for it. Equal `inputs` are drawn alike, so a file with their stamp is kept."""

    file: str  # "cost-data.svg"
    alt: str  # what it shows, in words
    draw: Callable[[], str] = field(compare=False)
    inputs: tuple[object, ...] = ()  # numbers, texts and digests that the drawing depends on

    @property
    def stamp(self) -> str:
        """A digest of what is drawn."""
        return hashlib.sha256(repr((self.file, self.alt, self.inputs)).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Part:
    """A part of a section, mostly a dataset: what it shows, or the reason why there is nothing."""

    title: str = ""
    missing: str = ""  # why there is nothing, as a clause
    about: str = ""  # whose rows these are
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    lines: tuple[str, ...] = ()
    fold: bool = False  # of several tables the first alone is open


@dataclass(frozen=True)
class Section:
    """What stands below one heading."""

    key: str  # its anchor
    title: str
    about: tuple[str, ...] = ()  # paragraphs before the parts
    parts: tuple[Part, ...] = ()
    listed: bool = False  # lines are points of a list, not paragraphs


@dataclass(frozen=True)
class Page:
    """A page; the one that answers first has no name."""

    name: str  # of its file, "board-data"
    title: str
    about: tuple[str, ...]
    sections: tuple[Section, ...]
    short: str = ""  # the title where there is little room

    @property
    def label(self) -> str:
        return self.short or self.title

    @property
    def tables(self) -> Iterator[Table]:
        return (table for section in self.sections for part in section.parts for table in part.tables)

    @property
    def pictures(self) -> Iterator[Picture]:
        return (picture for section in self.sections for part in section.parts for picture in part.pictures)


def named(*words: str) -> str:
    """ "cost", "data@time" -> "cost-data-time.svg" """
    return f"{slug(*words)}.svg"


def slug(*words: str) -> str:
    """ "Paper", "2", "Data (watch time)" -> "paper-2-data-watch-time" """
    return re.sub(r"[^a-z0-9]+", "-", " ".join(words).lower()).strip("-")
