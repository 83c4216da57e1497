"""Lists of ids that a cell holds as text: `[27, 9]` or `16655,244087`. Anything else is refused by its line."""

from typing import Any

from datasets.reading.stream import Block

_ID = r"[ \t]*\d{1,18}(\.0+)?[ \t]*"
_IDS = rf"{_ID}(,{_ID})*"
_EMPTY = r"^[ \t]*$"


def id_lists(block: Block, name: str, *, brackets: bool, none: tuple[str, ...] = ()) -> Any:
    """A text column's lists as a pyarrow.ListArray of int64 [rows]; an empty cell, and one of `none`, has no ids.

    `brackets`: whether a list stands between [ and ]. Ids are whole numbers of at most 18 digits, written 8 or 8.0.
    Raises BadData at the first cell that is something else, a nested list, a text or an object in JSON for example.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = block.batch.column(name).fill_null("")
    texts = pc.if_else(pc.is_in(texts, pa.array(none, pa.string())), "", texts)
    pattern = rf"^[ \t]*\[({_IDS}|[ \t]*)\][ \t]*$" if brackets else f"^{_IDS}$"
    empty = pc.match_substring_regex(texts, _EMPTY)
    good = pc.or_(empty, pc.match_substring_regex(texts, pattern)).to_numpy(zero_copy_only=False)
    if not good.all():
        at = int((~good).argmax())
        raise block.bad(name, at, "is not a list of numbers", texts[at].as_py())
    plain = pc.replace_substring_regex(texts, r"(\.0+|[\[\] \t])", "")
    parts = pc.split_pattern(plain, ",")
    lengths = pc.if_else(pc.equal(plain, ""), 0, pc.list_value_length(parts))
    flat = parts.flatten()
    ids = flat.filter(pc.not_equal(flat, "")).cast(pa.int64())
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths).cast(pa.int32())])
    return pa.ListArray.from_arrays(offsets, ids)
