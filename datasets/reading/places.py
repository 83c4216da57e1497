"""Where raw files lie below the data root, and the sentence for when they do not."""

from collections.abc import Iterable
from pathlib import Path

from datasets.base import Incomplete, NotAvailable, Source
from datasets.reading.delimited import unreadable

FETCH = "python -m benchmark data --fetch {name} --data {root}"


def get_it(name: str, source: Source, root: Path | None) -> str:
    """What to do to have a dataset's raw files."""
    where = str(root) if root else "DIR"
    if source.archive:
        return f"type `{FETCH.format(name=name.split('@')[0], root=where)}`, or unpack {source.archive} there yourself"
    return f"see {source.homepage}"


def folder(name: str, source: Source, root: Path | None, below: str) -> Path:
    """The folder of a dataset's raw files, or NotAvailable."""
    if root is None:
        raise NotAvailable(
            f"{source.title} needs raw files and no data root was given: pass --data DIR; to fill it, "
            f"{get_it(name, source, root)}"
        )
    place = Path(root) / below
    if not is_folder(place):
        raise not_there(name, source, root, place, "the folder")
    return place


def is_folder(place: Path) -> bool:
    """Whether a folder is there. Raises Unreadable where that cannot be seen."""
    try:
        return place.is_dir()
    except OSError as error:
        raise unreadable(place, error) from error


def entries(place: Path) -> list[Path]:
    """What lies in a folder, by name, but for hidden files (a Mac leaves `._x` beside x). Raises Unreadable."""
    try:
        return sorted(path for path in place.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise unreadable(place, error) from error


def not_there(
    name: str, source: Source, root: Path | None, place: Path, what: str, *, beside: Path | None = None
) -> NotAvailable:
    """The one sentence: what is missing, where it was looked for, where to get it, what to type.

    `beside`: a file of the same dataset that is there, which makes it Incomplete.
    """
    sentence = f"{source.title}: {what} is not there (looked in {place}); {get_it(name, source, root)}"
    return NotAvailable(sentence) if beside is None else Incomplete(f"{sentence}; {beside.name} alone is not enough")


def plain_or_gz(place: Path, stems: Iterable[str]) -> Path | None:
    """The first of these files that is there, plain before gzipped. Raises Unreadable where that cannot be seen."""
    there = {path.name: path for path in entries(place)}
    for stem in stems:
        for name in (stem, f"{stem}.gz"):
            if name in there and is_file(there[name]):
                return there[name]
    return None


def is_file(path: Path) -> bool:
    """Whether a file is there. Raises Unreadable where that cannot be seen."""
    try:
        return path.is_file()
    except OSError as error:
        raise unreadable(path, error) from error


def listed(paths: Iterable[Path]) -> list[dict[str, object]]:
    """Names and sizes, for the facts."""
    return [{"name": p.name, "bytes": p.stat().st_size} for p in paths]
