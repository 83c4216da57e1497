"""A table's rows on the device, from which batches are gathered by index."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from datasets.schema import Bag, Rows, Schema
from methods.base import EmbeddingTable


@dataclass(frozen=True)
class Columns:
    """Per-row columns, [n, ...] on the device or gathered to [S, B, ...]; None where the dataset has none."""

    ids: Tensor
    bags: Mapping[str, Tensor]
    numeric: Tensor | None
    content: Tensor | None  # the row of `items` of each row; gathered: that row itself
    duration: Tensor | None
    bucket: Tensor | None
    label: Tensor | None
    lookups: tuple["Lookup", ...]  # of each bank of embeddings
    items: Tensor | None = None  # content vectors, one per item, [items, width]; None once gathered

    @property
    def embedded(self) -> tuple[Tensor, ...]:
        """Of each bank of embeddings the row numbers, int64 [..., columns], before the replica's offset."""
        return tuple(lookup.rows(self.ids, self.bags) for lookup in self.lookups)


@dataclass(frozen=True)
class Lookup:
    """How ids become row numbers of a bank: each column's ids behind those of the columns before it."""

    parts: tuple[Tensor | str | None, ...]  # places of fields, a bag, or all fields as they are (None), in turn
    offset: Tensor  # int64 [columns]

    def rows(self, ids: Tensor, bags: Mapping[str, Tensor]) -> Tensor:
        """Row numbers, int64 [..., columns]. ids: int [..., fields]; bags: int [..., length] each."""
        blocks = [
            ids if part is None else bags[part] if isinstance(part, str) else ids.index_select(-1, part)
            for part in self.parts
        ]
        return (blocks[0] if len(blocks) == 1 else torch.cat(blocks, -1)) + self.offset


@dataclass(frozen=True)
class Bank:
    """EmbeddingTables of equal width, fused into one block of rows per replica."""

    dim: int
    rows: int  # of one replica
    std: tuple[tuple[int, float], ...]  # (rows, standard deviation at the start) of each table in turn
    slots: tuple[tuple[int, int, int], ...]  # (slot, first column, columns) of each table


def banks_of(tables: Sequence[EmbeddingTable]) -> tuple[Bank, ...]:
    """Fuse tables by width and number their slots."""
    banks = []
    for slot, table in enumerate(tables):
        table.slot = slot
    for dim in sorted({t.dim for t in tables}):
        members = [t for t in tables if t.dim == dim]
        slots, column = [], 0
        for table in members:
            columns = len(table.fields) + sum(b.length for b in table.bags)
            slots.append((table.slot, column, columns))
            column += columns
        sizes = [sum(c.size for c in t.columns) for t in members]
        std = tuple((size, t.std) for size, t in zip(sizes, members, strict=True))
        banks.append(Bank(dim=dim, rows=sum(sizes), std=std, slots=tuple(slots)))
    return tuple(banks)


def _lookup(schema: Schema, tables: Sequence[EmbeddingTable], dim: int, device: torch.device) -> Lookup:
    """Of the bank of this width."""
    place = {f.name: i for i, f in enumerate(schema.fields)}
    parts: list[Tensor | str | None] = []
    offsets, offset = [], 0
    for table in (t for t in tables if t.dim == dim):
        places = [place[field.name] for field in table.fields]
        whole = places == list(range(len(schema.fields)))
        parts += [None if whole else torch.tensor(places, device=device)] if places else []
        parts += [bag.name for bag in table.bags]
        for column in table.columns:
            offsets += [offset] * (column.length if isinstance(column, Bag) else 1)
            offset += column.size
    return Lookup(tuple(parts), torch.tensor(offsets, device=device))


def resident(
    rows: Rows,
    schema: Schema,
    tables: Sequence[EmbeddingTable],
    device: torch.device,
    dtype: torch.dtype,
    *,
    gathered: bool = False,
) -> Columns:
    """Put rows on the device. gathered: with each row's content vector in place, which suits a few rows alone: WeChat's
    512 floats for each of millions of rows do not fit anywhere."""

    def real(column: np.ndarray | None) -> Tensor | None:
        return None if column is None else torch.as_tensor(column).to(device, dtype)

    def whole(column: np.ndarray) -> Tensor:
        return torch.as_tensor(column).to(device)

    content = items = None
    if rows.content is not None and rows.content_row is not None:
        content = real(rows.content[rows.content_row]) if gathered else whole(rows.content_row.astype(np.int64))
        # a prepared table is a read-only memory map, which torch takes with a warning
        items = None if gathered else real(np.require(rows.content, requirements="W"))
    return Columns(
        ids=whole(rows.ids),
        bags={name: whole(bag) for name, bag in rows.bags.items()},
        numeric=real(rows.numeric),
        content=content,
        duration=real(rows.duration),
        bucket=None if rows.bucket is None else whole(rows.bucket),
        label=real(rows.label),
        lookups=tuple(_lookup(schema, tables, dim, device) for dim in sorted({t.dim for t in tables})),
        items=items,
    )


def gather(columns: Columns, index: Tensor) -> Columns:
    """The rows at index [S, B] (or [B]): every column becomes [S, B, ...]."""
    flat = index.reshape(-1)

    def must(column: Tensor) -> Tensor:
        return column.index_select(0, flat).view(*index.shape, *column.shape[1:])

    def at(column: Tensor | None) -> Tensor | None:
        return None if column is None else must(column)

    content = at(columns.content)
    if content is not None and columns.items is not None:
        content = columns.items.index_select(0, content.reshape(-1)).view(*index.shape, -1)

    return Columns(
        ids=must(columns.ids),
        bags={name: must(bag) for name, bag in columns.bags.items()},
        numeric=at(columns.numeric),
        content=content,
        duration=at(columns.duration),
        bucket=at(columns.bucket),
        label=at(columns.label),
        lookups=columns.lookups,
    )
