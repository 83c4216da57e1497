"""Where things lie and run: the records, the report beside them, the user's cache, the cores."""

import os
from pathlib import Path

from platformdirs import user_cache_path

from benchmark import ROOT

RUNS = ROOT / "reports" / "runs"


def report_of(runs: Path) -> Path:
    """RESULTS.md of a records folder: at the repository's root for the committed records, else beside the records."""
    return (ROOT if runs.resolve() == RUNS else runs) / "RESULTS.md"


def figures_of(runs: Path) -> Path:
    """The folder of the figures that RESULTS.md shows: beside the records' folder where they are the committed ones."""
    return (RUNS.parent if runs.resolve() == RUNS else runs) / "figures"


def runs_of(page: Path) -> Path:
    """The records folder of a page: the other way round."""
    return RUNS if page.resolve().parent == ROOT else page.parent


def cache() -> Path:
    """The folder for what can be made again; CVP_CACHE moves it."""
    return Path(os.environ.get("CVP_CACHE") or user_cache_path("cvp-bench"))
