"""A dataset in code whose rows are one table: a file below the data root, or whatever frame a few lines make of files.

    class Radio(OneTable):
        def frame(self, root):                  # only where the rows have to be made
            ...

    DATASETS = (OneTable(Description(name="radio", files="radio/plays.csv", columns={...}, ...), SOURCE),)

It is read, split, encoded and checked as a described table of a user's own is.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from datasets.base import BadData, Source
from datasets.described.dataset import DescribedLog
from datasets.described.description import Description, check
from datasets.reading.places import folder, not_there
from datasets.tabular.found import find
from datasets.tabular.opened import ROWS, Block

if TYPE_CHECKING:
    from pandas import DataFrame


class OneTable(DescribedLog):
    """A described table of a public source."""

    private: ClassVar[bool] = False

    def __init__(self, it: Description, source: Source) -> None:
        """it: `files` lies below the data root. Raises BadData for a description that cannot hold."""
        check(Path(it.name), it)
        super().__init__(Path(it.name), it, source)

    def place(self, root: Path | None) -> Path:
        below = Path(self.it.files)
        place = folder(self.name, self.source, root, str(below.parent)) / below.name
        if not place.exists():
            raise not_there(self.name, self.source, root, place.parent, place.name)
        return place

    def files(self, root: Path | None) -> list[Path]:
        return list(find(self.place(root)).paths)

    def frame(self, root: Path) -> "DataFrame | None":
        """The rows, where they are not the file as it is: joined, filtered, renamed. root: the data root."""
        return None

    def blocks(self, root: Path | None, wanted: Sequence[str]) -> Iterator[Block]:
        if root is None or (frame := self.frame(root)) is None:
            return super().blocks(root, wanted)
        if lacking := [name for name in wanted if name not in frame]:
            has = ", ".join(map(repr, frame))
            raise BadData(f"{self.name}: its frame has no column {lacking[0]!r}, which it names; it has {has}")
        return _blocks(self.place(root), frame[list(wanted)])


def _blocks(place: Path, frame: "DataFrame") -> Iterator[Block]:
    import pyarrow as pa

    row = 1
    for batch in pa.Table.from_pandas(frame, preserve_index=False).to_batches(ROWS):
        yield Block(place, row, batch)
        row += batch.num_rows
