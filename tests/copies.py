"""Copies of the sources, for tests that add to them."""

import shutil
from pathlib import Path

from benchmark import ROOT

PACKAGES = ("benchmark", "methods", "datasets", "reports")


def copy_sources(folder: Path, *others: str) -> Path:
    """Copies the four packages and others, and pyproject.toml, without records and pages, and with what numba has
    compiled, which costs more to make again than most tests. Returns the folder."""
    for package in (*PACKAGES, *others):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("runs", "pages", "figures"))
    shutil.copy(ROOT / "pyproject.toml", folder)  # the pages say the version
    return folder
