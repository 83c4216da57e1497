"""Files that `python -m benchmark compare` derives from a dataset's records and keeps beside them."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import msgspec

from benchmark.files.atomic import get
from benchmark.files.errors import UserError
from benchmark.records.identity import digest
from benchmark.records.record import Record
from datasets.common.files import put

if TYPE_CHECKING:
    from benchmark.records.store import Store
    from datasets.base import Table

T = TypeVar("T")


class Derived(Protocol):
    """What a derived file says of where it comes from."""

    @property
    def code(self) -> str:
        """A hash of what computed it."""

    @property
    def table(self) -> str:
        """The fingerprint of the prepared table."""


D = TypeVar("D", bound=Derived)


def read(path: Path, kind: type[T]) -> T | None:
    """None where there is no file. Raises UserError on one that holds something else."""
    return get(path, kind, what="what `python -m benchmark compare` writes", cure="delete it")


def write(path: Path, data: bytes) -> None:
    """Put it in place: whole or not at all. Raises UserError."""
    try:
        put(path, data)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror or error}): choose another --runs FOLDER") from None


def encode(found: object) -> bytes:
    """A struct as JSON: canonical bytes, a list of numbers stays on its line."""
    return ("".join(_lines(msgspec.to_builtins(found), 0)) + "\n").encode()


def _lines(value: Any, depth: int) -> Iterator[str]:
    """Dictionaries, and lists of them or of lists, are opened; what is below goes on one line."""
    opened = isinstance(value, dict) or (isinstance(value, list) and value and isinstance(value[0], dict | list))
    if not opened or not value or depth > 4:
        yield msgspec.json.encode(value).decode()
        return
    start, end = "{}" if isinstance(value, dict) else "[]"
    items = value.items() if isinstance(value, dict) else ((None, v) for v in value)
    yield start
    for place, (key, item) in enumerate(items):
        yield ("," if place else "") + "\n" + " " * (depth + 1)
        yield f"{msgspec.json.encode(key).decode()}: " if key is not None else ""
        yield from [msgspec.json.encode(item).decode()] if key == "tags" else _lines(item, depth + 1)
    yield "\n" + " " * depth + end


@dataclass(frozen=True)
class Kind(Generic[D]):
    """A file that each fitting dataset has beside its records, complete or absent: what `measure` finds in its table.

    form: the struct that it holds, which says its code and table. sources: of what decides the numbers besides the
    data. what: is said before the work. fits: says by one of its records whether a dataset is to have the file.
    measure: of a dataset's name and table; raises ValueError where the table does not allow one.
    """

    file: str
    form: type[D]
    sources: tuple[str, ...]
    what: str
    fits: Callable[[Record], bool]
    measure: Callable[[str, "Table"], D]

    @property
    def code(self) -> str:
        """A hash of the sources."""
        return code_of(*self.sources)

    def read(self, folder: Path) -> D | None:
        """What is kept in the folder of a dataset's records; None where there is nothing. Raises UserError on another
        file."""
        return read(folder / self.file, self.form)

    def write(self, folder: Path, found: D) -> None:
        """Put it in place: whole or not at all. Raises UserError."""
        write(folder / self.file, encode(found))

    def refresh(
        self, store: "Store", root: Path | None, say: Callable[[str], None], only: Collection[str] = ()
    ) -> None:
        """Bring the file of each fitting dataset with records up to date, where its data are at hand.

        only: datasets; all where empty. Raises UserError where a file cannot be read or written."""
        from datasets import cache, registry
        from datasets.base import BadData, CacheError, NotAvailable

        code = self.code
        records = {r.dataset: r for r in store.all() if r.outcome == "ok" and (not only or r.dataset in only)}
        for dataset in sorted(name for name, record in records.items() if self.fits(record)):
            folder = store.folder / dataset
            for scratch in folder.glob(f".{self.file}.*"):  # left by a run that was killed
                scratch.unlink(missing_ok=True)
            try:
                here = registry.get(dataset, root)
                known, kept = cache.cached_fingerprint(here, root), self.read(folder)
                if kept is not None and kept.code == code and known in (None, kept.table):
                    continue
                say(f"{dataset}: {self.what}")
                self.write(folder, self.measure(dataset, cache.load(here, root)))
            except (registry.UnknownDataset, NotAvailable):
                continue  # what is kept stays as it is
            except (BadData, CacheError) as error:
                raise UserError(str(error)) from None
            except ValueError as error:
                say(f"{dataset}: no {self.file.removesuffix('.json')}, {error}")


def code_of(*sources: str) -> str:
    """A hash of these files' bytes."""
    return digest(b"".join(Path(source).read_bytes() for source in sources))
