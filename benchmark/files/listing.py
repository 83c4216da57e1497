"""What lies below a folder, by pattern."""

import os
from fnmatch import fnmatchcase
from pathlib import Path


def below(folder: Path, pattern: str) -> list[Path]:
    """What the pattern names, "*/*/noise.json", in order. Nothing whose name, or that of a folder on the way, begins
    with a dot: what a Mac, an editor or a killed run leaves is none of ours."""
    found: list[tuple[str, ...]] = [()]
    for part in pattern.split("/"):
        found = [(*on, name) for on in found for name in _names(os.path.join(folder, *on)) if fnmatchcase(name, part)]
    return [folder.joinpath(*parts) for parts in found]


def _names(folder: str) -> list[str]:
    """Of a folder's entries; none where it is no folder, or not to be read."""
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError:
        return []
