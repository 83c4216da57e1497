"""Whether data that are there can be used: known once they are read, so that `data` and `plan` say the same."""

from collections.abc import Iterable
from pathlib import Path

from benchmark.files.errors import UserError
from datasets import cache, registry
from datasets.base import BadData, CacheError, Dataset, NotAvailable, TooFew
from datasets.common.files import cache_folder, recall, remember

QUICK = 64 << 20  # bytes of raw files: read in seconds


def unusable(names: Iterable[str], root: Path | None, most: int | None = None) -> dict[str, str]:
    """Returns, of these datasets, those whose files are there and cannot be used, with the reason.

    A source's first protocol stands for all of them; it is prepared where it is not kept. most: larger files, in
    bytes, are left unread. Raises UserError where nothing can be kept.
    """
    found: dict[str, str] = {}
    known = registry.names(root)
    sources: dict[str, list[str]] = {}
    for name in names:
        sources.setdefault(name.partition("@")[0], []).append(name)
    for source, protocols in sources.items():
        first = next((name for name in known if name.partition("@")[0] == source), "")
        if why := _fault(registry.get(first, root), root, most) if first else "":
            found |= dict.fromkeys(protocols, why)
    return found


def _fault(dataset: Dataset, root: Path | None, most: int | None) -> str:
    try:
        size = sum(path.stat().st_size for path in dataset.files(root))
        if cache.meta(dataset, root) is None and (most is None or size <= most):
            return _read(dataset, root)
    except (BadData, NotAvailable) as error:
        return str(error)
    except CacheError as error:
        raise UserError(str(error)) from None
    return ""


def _read(dataset: Dataset, root: Path | None) -> str:
    """Prepare the table, unless the files have been found too small before: that is kept, as a table is, by their bytes
    and the code that reads them. Raises BadData and NotAvailable for what else is wrong, which may pass, and
    CacheError."""
    base = cache_folder()
    place = base / "too-few" / cache.key(dataset, root, base)
    paths = "\n".join(map(str, dataset.files(root)))  # the sentence may name them
    if (known := recall(place, paths)) is not None:
        return known.decode(errors="surrogateescape")
    try:
        cache.load(dataset, root)
    except TooFew as error:
        remember(place, str(error).encode(errors="surrogateescape"), paths)
        return str(error)
    return ""
