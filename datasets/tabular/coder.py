"""Codes for a column's values in one pass: exact, whatever the values, with memory for the distinct ones alone."""

from typing import Any

import numpy as np

from datasets.schema import Array

EMPTY = -1  # the code of an empty cell
_STEP = 1 << 16  # rows coded before the tables may grow


class Coder:
    """Gives each value, as it first appears, the next number. Values are whole numbers or texts."""

    def __init__(self) -> None:
        self._count = 0
        self._texts = False
        self._slots = np.zeros((1 << 10, 2), np.int64)
        self._known = np.empty(0, np.int64)  # the numbers; of texts, where each starts, and the end of the last
        self._data = np.empty(0, np.uint8)  # the bytes of the texts

    def __len__(self) -> int:
        return self._count

    def add(self, column: Any) -> Array:
        """The codes of the values of a pyarrow Array of int64 or text, int32 [rows]; EMPTY for null."""
        import pyarrow as pa

        texts = pa.types.is_string(column.type)
        if texts and not self._texts:
            self._turn_to_text()
        elif self._texts and not texts:
            column, texts = column.cast(pa.string()), True
        n = len(column)
        there = column.is_valid().to_numpy(zero_copy_only=False)
        out = np.empty(n, np.int32)
        if not texts:
            values = column.fill_null(0).to_numpy() if column.null_count else column.to_numpy()
            starts, data = np.empty(0, np.int32), np.empty(0, np.uint8)
        else:
            values, (starts, data) = np.empty(0, np.int64), _buffers(column)
        for at in range(0, n, _STEP):
            part = slice(at, min(at + _STEP, n))
            self._make_room(part.stop - at, int(starts[part.stop] - starts[at]) if texts else 0)
            self._code(values[part], starts[at : part.stop + 1], data, there[part], out[part])
        return out

    def _code(self, values: Array, starts: Array, data: Array, there: Array, out: Array) -> None:
        from datasets.tabular.hashed import code_numbers, code_texts

        if self._texts:
            self._count = code_texts(starts, data, there, self._slots, self._known, self._data, self._count, out)
        else:
            self._count = code_numbers(values, there, self._slots, self._known, self._count, out)

    def _make_room(self, rows: int, size: int) -> None:
        """For so many new values of so many bytes in all."""
        from datasets.tabular.hashed import resized

        most = self._count + rows
        if 2 * most > len(self._slots):
            # tables that fit what comes next and double what there is: each value moves a few times at most
            self._slots = resized(self._slots, 1 << (2 * most - 1).bit_length())
        if most + 1 > len(self._known):
            self._known = np.concatenate([self._known, np.zeros(most + 1, np.int64)])
        used = int(self._known[self._count]) if self._texts else 0
        if used + size > len(self._data):
            self._data = np.concatenate([self._data, np.zeros(used + size, np.uint8)])

    def _turn_to_text(self) -> None:
        """Go on with texts: the numbers so far keep their codes."""
        import pyarrow as pa

        numbers = pa.array(self._known[: self._count]).cast(pa.string())
        self.__init__()  # type: ignore[misc]
        self._texts, self._slots = True, np.zeros((1 << 10, 4), np.int64)
        if len(numbers):
            self.add(numbers)

    @property
    def values(self) -> Any:
        """The distinct values in the order of their codes: int64 where every one is a whole number, else text."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if not self._texts:
            return pa.array(self._known[: self._count])
        ends = self._known[: self._count + 1]
        texts = pa.LargeStringArray.from_buffers(
            self._count, pa.py_buffer(np.ascontiguousarray(ends)), pa.py_buffer(self._data[: ends[-1]].copy())
        )
        bare = without_point(texts)
        try:
            whole = bare.cast(pa.int64())
        except pa.ArrowInvalid:
            return texts
        # 007 is no 7, and 6 beside 6.0 are two values
        same = pc.all(pc.equal(whole.cast(bare.type), bare)).as_py() and pc.count_distinct(whole).as_py() == len(texts)
        return whole if same else texts


def _buffers(column: Any) -> tuple[Array, Array]:
    """Where each text of a pyarrow StringArray starts, int32 [rows + 1], and the bytes of all."""
    _, offsets, data = column.buffers()
    starts = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    return starts, np.frombuffer(data, np.uint8) if data is not None and data.size else np.empty(0, np.uint8)


def without_point(texts: Any) -> Any:
    """6.0 as 6: whole numbers in a column that has empty cells are often written so. texts: a pyarrow Array."""
    import pyarrow.compute as pc

    return pc.replace_substring_regex(texts, r"^(-?\d+)\.0$", r"\1")


def ranks(values: Any) -> Array:
    """The place of each value in ascending order, int64: numbers by size, texts by their bytes."""
    import pyarrow.compute as pc

    order = pc.sort_indices(values).to_numpy()
    rank = np.empty(len(values), np.int64)
    rank[order] = np.arange(len(values))
    return rank
