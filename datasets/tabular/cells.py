"""Turns a column of a block into numbers, keys, lists of keys or times, exactly, or says which cell cannot be one."""

from typing import Any

import numpy as np

from datasets.schema import Array
from datasets.tabular.opened import Block

NOTHING = ("", "NULL", "null", "\\N", "NaN", "nan", "None", "<NA>")  # texts that stand for an empty cell
_NO_NUMBER = (*NOTHING, "NA", "N/A", "n/a", "#N/A")
_NUMBER = r"^[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?$"
_EXACT = 2.0**53  # the whole numbers that a decimal holds exactly
_COUNTS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}  # units since 1970, in a second


def numbers(block: Block, name: str, decimal: str = ".") -> Array:
    """The cells as float64 [rows], NaN where empty. Raises BadData for a text that is no number and for infinity."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = _plain(block.batch.column(name))
    kind = column.type
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    if pa.types.is_string(kind):
        text = _emptied(pc.utf8_trim_whitespace(column), _NO_NUMBER)
        if decimal == ",":
            text = pc.replace_substring(text, ",", ".")
        try:
            column = text.cast(pa.float64())
        except pa.ArrowInvalid:
            fits = pc.fill_null(pc.match_substring_regex(text, _NUMBER), True).to_numpy(zero_copy_only=False)
            at = int((~fits).argmax())
            raise block.bad(name, at, f"is not a number ({_shown(column[at])})") from None
    elif pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise block.bad(name, 0, f"is of type {kind}, not a number,", "give the column another role")
    values: Array = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    if (infinite := np.isinf(values)).any():
        raise block.bad(name, int(infinite.argmax()), "is infinite")
    return values


def keys(block: Block, name: str) -> Any:
    """The cells as a pyarrow Array of int64 where they are whole numbers, else of text; null where empty.

    Every value keeps its identity: texts as they are written, whole numbers in all their 64 bits.
    """
    return _keys(block, name, block.batch.column(name))


def _keys(block: Block, name: str, column: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    column = _plain(column)
    kind = column.type
    if pa.types.is_string(kind):
        return _emptied(column, NOTHING)
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.int64())
    if pa.types.is_uint64(kind) and (pc.max(column).as_py() or 0) >= 1 << 63:
        return column.cast(pa.string())
    if pa.types.is_integer(kind):
        return column.cast(pa.int64())
    if pa.types.is_floating(kind):
        return _whole(block, name, column.cast(pa.float64()))
    if pa.types.is_nested(kind):
        raise block.bad(name, 0, f"is of type {kind}, no id,", 'give the column the role "list" or "leave out"')
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return pa.array([None if v is None else v.hex() for v in column.to_pylist()], pa.string())
    return column.cast(pa.string())


def _whole(block: Block, name: str, column: Any) -> Any:
    """Decimals as whole numbers where they are such, as pandas writes ids in a column that has empty cells."""
    import pyarrow as pa
    import pyarrow.compute as pc

    values = column.to_numpy(zero_copy_only=False)
    empty = np.isnan(values)
    values = np.where(empty, 0, values)
    if (large := np.abs(values) > _EXACT).any():
        raise block.bad(
            name, int(large.argmax()), f"holds {values[large.argmax()]:g}, an id that a decimal cannot hold exactly,",
            "write the column as whole numbers or as text",
        )  # fmt: skip
    whole = values == np.rint(values)
    found = pa.array(values.astype(np.int64), mask=empty)
    if whole.all():
        return found
    return pc.if_else(pa.array(whole), found.cast(pa.string()), column.cast(pa.string()))


def lists(block: Block, name: str, length: int, separator: str) -> tuple[Array, Any]:
    """The first `length` members of each row's list: how many a row has, int64 [rows], and all of them as keys.

    A text is cut at the separator; brackets and quotes around it and its members are dropped.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    column = _plain(block.batch.column(name))
    kind = column.type
    if pa.types.is_string(kind):
        bare = pc.utf8_trim(pc.fill_null(column, ""), characters=" []()")
        cut = pc.split_pattern(bare, separator) if separator != " " else pc.utf8_split_whitespace(bare)
        parts = pc.utf8_trim(cut.values, characters=" \"'")
        # an empty text is cut into one empty member
        column = pa.ListArray.from_arrays(cut.offsets, parts)
        counts = np.where(pc.equal(bare, "").to_numpy(zero_copy_only=False), 0, _lengths(column))
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        counts = _lengths(column)
    elif pa.types.is_null(kind):
        return np.zeros(len(column), np.int64), pa.nulls(0, pa.int64())
    else:
        raise block.bad(name, 0, f"is of type {kind}, no list,", "give the column another role")
    lengths = _lengths(column)
    if (counts == lengths).all() and (counts <= length).all():  # all of them
        return counts, _keys(block, name, column.flatten())
    counts = np.minimum(counts, length)
    starts = np.cumsum(lengths) - lengths
    # members of the flattened column, the first few of each row
    inside = np.repeat(starts, counts) + _running(counts)
    return counts, _keys(block, name, column.flatten().take(pa.array(inside)))


def _running(counts: Array) -> Array:
    """0, 1, ..., count - 1 for each count, one after the other."""
    total = int(counts.sum())
    return np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)


def _lengths(column: Any) -> Array:
    import pyarrow.compute as pc

    return pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False).astype(np.int64)


def times(block: Block, name: str, form: str) -> Array:
    """The cells as numbers that grow with time, int64 or float64 [rows]: a time stamp's own count, a number as it is, a
    text as microseconds by its form (`%Y-%m-%d`, or ISO8601). Raises BadData for a cell that is empty or no time."""
    import pyarrow as pa

    column = _plain(block.batch.column(name))
    kind = column.type
    if column.null_count:
        raise block.bad(name, int(column.is_null().to_numpy(zero_copy_only=False).argmax()), "is empty")
    if pa.types.is_timestamp(kind):
        return column.cast(pa.int64()).to_numpy()
    if pa.types.is_date(kind):
        return column.cast(pa.timestamp("ms")).cast(pa.int64()).to_numpy()
    if pa.types.is_integer(kind):
        return column.cast(pa.int64(), safe=False).to_numpy()
    if not pa.types.is_string(kind) or not form:
        values = numbers(block, name)
        if (empty := np.isnan(values)).any():
            raise block.bad(name, int(empty.argmax()), "is empty")
        return values
    import pandas as pd

    text = column.to_pandas().str.strip()
    found = pd.to_datetime(text, format=form, errors="coerce", utc=True)
    if (lost := found.isna().to_numpy()).any():
        at = int(lost.argmax())
        what = "is empty" if text.iloc[at] in NOTHING else f"is {_shown(column[at])}, not a time of the form {form},"
        raise block.bad(name, at, what, "write all times in one form, or mend that row")
    return found.dt.as_unit("us").astype(np.int64).to_numpy()


def _plain(column: Any) -> Any:
    """The column without a dictionary, texts of any width as string."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type):
        column = column.cast(pa.string())
    return column


def _emptied(column: Any, words: tuple[str, ...]) -> Any:
    """The column with null for the texts that stand for an empty cell."""
    import pyarrow as pa
    import pyarrow.compute as pc

    nothing = pc.is_in(column, value_set=pa.array(words))
    return pc.if_else(nothing, pa.scalar(None, pa.string()), column) if pc.any(nothing).as_py() else column


def _shown(value: Any) -> str:
    """A cell in an error: short, and nothing that moves a terminal's cursor."""
    text = str(value.as_py())
    return repr(text if len(text) <= 40 else text[:37] + "...")


def days(block: Block, name: str, form: str) -> Array:
    """The cells as days since 1970, int64 [rows], by UTC.

    form: of whole numbers `s`, `ms`, `us` or `ns` since 1970; of numbers and texts `%Y%m%d` and the like. Raises
    BadData for a cell that is empty or no date."""
    import pyarrow as pa

    column = _plain(block.batch.column(name))
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind) or (pa.types.is_string(kind) and form not in _COUNTS):
        if pa.types.is_string(kind) and not form:
            raise block.bad(name, 0, "is text, whose form the description does not say,", 'add form = "%Y-%m-%d"')
        found = times(block, name, form)
        unit = "us" if pa.types.is_string(kind) else "ms" if pa.types.is_date(kind) else kind.unit
    elif form in _COUNTS:
        found, unit = times(block, name, ""), form
    elif form:
        text = pa.record_batch({name: keys(block, name).cast(pa.string())})
        found, unit = times(block._replace(batch=text), name, form), "us"
    else:
        raise block.bad(name, 0, f"is of type {kind}, no date,", 'say its form: "s" or "ms" since 1970, or "%Y%m%d"')
    result: Array = np.floor_divide(found, 86_400 * _COUNTS[unit]).astype(np.int64)
    if (odd := (result < -36_525) | (result > 47_482)).any():  # 1870 to 2100
        raise block.bad(name, int(odd.argmax()), "is no plausible date", "mend that row, or say another form")
    return result
