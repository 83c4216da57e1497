"""A figure of a page: its file, what it shows in words, and where the figures lie."""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from os.path import relpath
from pathlib import Path

from benchmark.files.paths import figures_of, report_of


@dataclass(frozen=True)
class Picture:
    """A figure of a block: drawn when it is first asked for."""

    file: str  # "prowtp-k-kuairand.svg"
    alt: str  # what it shows, in words
    draw: Callable[[], str]

    @cached_property
    def svg(self) -> str:
        return self.draw()

    @property
    def base64(self) -> str:
        """The SVG for a data address."""
        return base64.b64encode(self.svg.encode()).decode()


def named(*words: str) -> str:
    """ "cost", "kuairand@time" -> "cost-kuairand-time.svg" """
    return f"{slug(*words)}.svg"


def slug(*words: str) -> str:
    """ "GR", "2", "KuaiRec (watch time)" -> "gr-2-kuairec-watch-time" """
    return re.sub(r"[^a-z0-9]+", "-", " ".join(words).lower()).strip("-")


def seen(runs: Path) -> Path:
    """The folder of the figures, as seen from RESULTS.md."""
    return Path(relpath(figures_of(runs), report_of(runs).parent))
