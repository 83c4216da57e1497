"""Reads as many rows of a table as are worth a look: all of them, or blocks that are spread over the whole."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets.base import BadData
from datasets.tabular.opened import ROWS, Block, Opened

LOOK = 2_000_000  # rows


@dataclass(frozen=True)
class Sample:
    """Some rows of a table."""

    block: Block  # all of them, as one
    total: int  # rows of the table
    file: Path  # the first one

    @property
    def rows(self) -> int:
        return int(self.block.batch.num_rows)

    @property
    def complete(self) -> bool:
        return self.rows == self.total


def sample(table: Opened, most: int = LOOK) -> Sample:
    """At most about `most` rows, in the order of the files. Raises BadData for a table without rows."""
    import pyarrow as pa

    kept: list[Any] = []
    held, step, total = 0, 1, 0
    for place, block in enumerate(_spread(table, most)):
        total += block.batch.num_rows
        if place % step == 0:
            kept.append(block.batch)
            held += block.batch.num_rows
        while held > most and len(kept) > 1:  # every other one of these, and of those to come
            kept, step = kept[::2], 2 * step
            held = sum(batch.num_rows for batch in kept)
    if not total:
        raise BadData(f"{table.found.paths[0]}: has columns ({', '.join(map(repr, table.names[:8]))}) and no rows")
    # files may write a column in different widths
    whole = pa.concat_tables([pa.table(batch) for batch in kept], promote_options="permissive")
    batches = whole.slice(0, 2 * most).combine_chunks().to_batches()
    return Sample(Block(table.found.paths[0], 1, batches[0]), table.rows or total, table.found.paths[0])


def _spread(table: Opened, most: int) -> Iterator[Block]:
    """All blocks; of a large Parquet file those of row groups that are spread evenly."""
    if table.found.kind != "parquet" or (table.rows or 0) <= most:
        yield from table.blocks()
        return
    import pyarrow.parquet as pq

    share = most / (table.rows or 1)
    for path in table.found.paths:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            groups = file.metadata.num_row_groups
            some = max(1, min(groups, 16))
            quota = max(1, int(file.metadata.num_rows * share / some))
            for group in sorted({place * groups // some for place in range(some)}):
                left = quota
                for batch in file.iter_batches(min(ROWS, quota), row_groups=[group]):
                    yield Block(path, 1, batch.slice(0, left))
                    left -= min(left, batch.num_rows)
                    if not left:
                        break
