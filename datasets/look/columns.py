"""Describes one column by its values: what they are, how many differ, what is odd about them."""

import re
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from datasets.base import BadData
from datasets.look.dates import form_of, span_of
from datasets.schema import Array
from datasets.tabular.cells import NOTHING, keys, numbers
from datasets.tabular.coder import Coder
from datasets.tabular.opened import Block

Kind = Literal["whole", "decimal", "text", "time", "list", "yes/no", "empty", "other"]
_SEPARATORS = ",;| "
_MEMBER = re.compile(r"-?\d+|[A-Za-z][\w&/.'-]{0,29}")
_LONG = 40  # characters of a text that is to be read, not counted
_LOOKED_AT = 2000  # texts that are looked at one by one


@dataclass(frozen=True)
class Column:
    """A column of the rows that were looked at."""

    name: str
    kind: Kind
    rows: int
    empty: int  # cells
    distinct: int  # values; of a list 0
    codes: Array  # int32 [rows], equal where the values are; -1 where empty
    values: Array | None = None  # float64 [rows], of numbers and yes/no; NaN where empty
    separator: str = ""  # of a list that is written as text
    members: float = 0.0  # of a list: the 95th percentile of its length
    length: float = 0.0  # of texts: the mean number of characters
    span: tuple[str, str] = ("", "")  # of times: the first and the last, in words
    form: str = ""  # of times that are written as text; "?" where day and month cannot be told apart
    order: Array | None = None  # int64 or float64 [rows], of times
    strays: int = 0  # cells that are no number in a column that is one but for them
    stray: str = ""  # where the first of them is, in words

    @property
    def low(self) -> float:
        return float(np.nanmin(self.values)) if self.values is not None and self.empty < self.rows else np.nan

    @property
    def high(self) -> float:
        return float(np.nanmax(self.values)) if self.values is not None and self.empty < self.rows else np.nan

    @property
    def constant(self) -> bool:
        return self.distinct == 1 and not self.empty


def described(block: Block, name: str, decimal: str = ".") -> Column:
    """Describe a column of a block."""
    import pyarrow as pa

    array = block.batch.column(name)
    kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _list(block, name, kind)
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_duration(kind):
        return Column(name, "other", len(array), array.null_count, 0, np.zeros(len(array), np.int32))
    coder = Coder()
    found = _identity(block, name)
    codes = coder.add(found)
    empty = int((codes < 0).sum())
    base = Column(name, "text", len(array), empty, len(coder), codes)
    if empty == len(array):
        return replace(base, kind="empty")
    if pa.types.is_boolean(kind):
        return replace(base, kind="yes/no", values=numbers(block, name))
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _time(block, base, "")
    if pa.types.is_time(kind):
        return replace(base, kind="other")
    if not pa.types.is_string(kind) and not pa.types.is_large_string(kind) and not pa.types.is_string_view(kind):
        return _numbers(block, base, decimal)
    texts = [text for text in coder.values.cast(pa.string()).to_pylist()[:_LOOKED_AT] if text not in NOTHING]
    return _text(block, base, texts, decimal)


def _identity(block: Block, name: str) -> Any:
    """The column as keys; decimals that are no ids as their texts."""
    import pyarrow as pa

    try:
        return keys(block, name)
    except BadData:
        return block.batch.column(name).cast(pa.string())


def _numbers(block: Block, base: Column, decimal: str) -> Column:
    import pyarrow as pa

    array = block.batch.column(base.name)
    try:
        values = numbers(block, base.name, decimal)
    except BadData as error:  # infinity
        found = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        found = np.where(np.isinf(found), np.nan, found)
        return replace(
            base, kind="decimal", values=found, strays=int(np.isnan(found).sum()) - base.empty, stray=str(error)
        )
    return _number(base, values)


def _number(base: Column, values: Array) -> Column:
    there = values[~np.isnan(values)]
    whole = bool((there == np.rint(there)).all())
    span = span_of(base.name, there) if whole else ("", "")
    if span[0]:
        return replace(base, kind="time", values=values, span=span, order=np.nan_to_num(values))
    return replace(base, kind="whole" if whole else "decimal", values=values)


def _text(block: Block, base: Column, texts: list[str], decimal: str) -> Column:
    """A column of texts: numbers, times, lists, words or sentences. texts: some of its distinct values."""
    length = float(np.mean([len(text) for text in texts]))
    try:
        return replace(_number(base, numbers(block, base.name, decimal)), length=length)
    except BadData as error:
        why = str(error)
    if (form := form_of(texts)) is not None:
        return _time(block, replace(base, length=length), form)
    low = {text.strip().lower() for text in texts}
    if low <= {"true", "false"} or low <= {"yes", "no"} or low <= {"t", "f"} or low <= {"y", "n"}:
        return replace(base, kind="yes/no", length=length, values=_yes(block, base))
    if (separator := _separator(texts)) is not None:
        return replace(_list(block, base.name, None, separator), length=length)
    parsed = [_is_number(text, decimal) for text in texts]
    if np.mean(parsed) > 0.9:  # numbers, but for a few cells
        values, strays = _mostly(block, base, decimal)
        return replace(base, kind="decimal", values=values, strays=strays, stray=why, length=length)
    return replace(base, length=length)


def _is_number(text: str, decimal: str) -> bool:
    try:
        float(text.replace(",", ".") if decimal == "," else text)
    except ValueError:
        return False
    return True


def _mostly(block: Block, base: Column, decimal: str) -> tuple[Array, int]:
    import pandas as pd

    text = block.batch.column(base.name).to_pandas().astype("string").str.strip()
    values = pd.to_numeric(text.str.replace(",", ".") if decimal == "," else text, errors="coerce")
    found = values.to_numpy(np.float64, na_value=np.nan)
    found = np.where(np.isinf(found), np.nan, found)
    return found, int(np.isnan(found).sum()) - base.empty


def _yes(block: Block, base: Column) -> Array:
    text = block.batch.column(base.name).to_pandas().astype("string").str.strip().str.lower().str[:1]
    return text.map({"t": 1.0, "f": 0.0, "y": 1.0, "n": 0.0}).to_numpy(np.float64, na_value=np.nan)


def _time(block: Block, base: Column, form: str) -> Column:
    from datasets.look.dates import ordered

    order, span, strays, stray = ordered(block, base.name, form)
    return replace(base, kind="time", form=form, order=order, span=span, strays=strays, stray=stray)


def _separator(texts: list[str]) -> str | None:
    """What cuts the texts into lists of ids, or None where they are no lists."""
    bare = [text.strip() for text in texts]
    bracketed = sum(text.startswith(("[", "(")) and text.endswith(("]", ")")) for text in bare)
    if bracketed and bracketed >= 0.9 * len(bare):
        return ","
    for separator in _SEPARATORS:
        cut = [[part.strip() for part in text.split(separator)] for text in bare]
        several = sum(len(parts) > 1 for parts in cut)
        members = [part for parts in cut for part in parts if part]
        numbered = all(re.fullmatch(r"-?\d+", part) for part in members)
        worded = separator in ";|" and all(_MEMBER.fullmatch(part) for part in members)
        if members and several >= 0.05 * len(cut) and several and (numbered or worded):
            return separator
    return None


def _list(block: Block, name: str, kind: Any, separator: str = ",") -> Column:
    """A column of lists; of decimals, which are no ids, it is another thing."""
    import pyarrow as pa

    from datasets.tabular.cells import lists

    array = block.batch.column(name)
    other = Column(name, "other", len(array), array.null_count, 0, np.zeros(len(array), np.int32))
    if kind is not None and (pa.types.is_nested(kind.value_type) or pa.types.is_floating(kind.value_type)):
        return other
    counts, _ = lists(block, name, 1 << 20, separator)
    return replace(
        other,
        codes=_codes_of_lists(array),
        kind="list",
        empty=int((counts == 0).sum()),
        separator=separator if kind is None else "",  # a list of its own needs none
        members=float(np.quantile(counts, 0.95)),
    )


def _codes_of_lists(array: Any) -> Array:
    """A number for each row, equal where the lists are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_nested(array.type):
        array = pc.binary_join(array.cast(pa.list_(pa.string())), ",")
    return Coder().add(array.cast(pa.string()))
