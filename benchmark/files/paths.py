"""Paths of the records and of the report beside them."""

import tomllib
from pathlib import Path

from benchmark import ROOT

RUNS = ROOT / "reports" / "runs"


def version() -> str:
    """Returns this project's version, as pyproject.toml has it."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def report_of(runs: Path) -> Path:
    """RESULTS.md of a records folder: at the repository's root for the committed records, else beside the records."""
    return (ROOT if runs.resolve() == RUNS else runs) / "RESULTS.md"


def figures_of(runs: Path) -> Path:
    """The folder of the figures that RESULTS.md shows: beside the records' folder where they are the committed ones."""
    return (RUNS.parent if runs.resolve() == RUNS else runs) / "figures"


def pages_of(runs: Path) -> Path:
    """The folder of the detail pages: beside the figures."""
    return figures_of(runs).with_name("pages")


def runs_of(page: Path) -> Path:
    """The records folder of a page: the other way round."""
    folder = page.resolve().parent
    if folder in (ROOT, pages_of(RUNS)):
        return RUNS
    return page.parent.parent if folder.name == "pages" else page.parent
