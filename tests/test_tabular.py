"""Tables of any common form: whatever their files, the same rows; whatever is wrong, one line that says where."""

import bz2
import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pytest

from datasets.base import BadData, NotAvailable
from datasets.tabular.cells import keys, lists, numbers, times
from datasets.tabular.coder import Coder, ranks
from datasets.tabular.dialect import Dialect, sniff
from datasets.tabular.found import find
from datasets.tabular.opened import Block, opened
from datasets.tabular.spool import Spool

FRAME = pd.DataFrame(
    {"user": ["a", "b", "a", "c"], "play time": [1.5, 0.0, 12.25, 3.0], "said": ["x, y", 'a "b"', "new\nline", "é"]}
)


def table(place: Path) -> pd.DataFrame:
    """What is read, as pandas reads CSV cells."""
    found = opened(place)
    rows = pd.concat([block.batch.to_pandas() for block in found.blocks()], ignore_index=True)
    return rows.astype({"play time": float})


def write(frame: pd.DataFrame, path: Path, **how: object) -> Path:
    raw = frame.to_csv(index=False, **how).encode(str(how.get("encoding", "utf-8")))
    packed = {".gz": gzip.compress, ".bz2": bz2.compress, ".zst": lambda b: pa.compress(b, "zstd", asbytes=True)}
    if path.suffix == ".zst":
        with pa.CompressedOutputStream(str(path), "zstd") as out:
            out.write(raw)
    else:
        path.write_bytes(packed.get(path.suffix, bytes)(raw))
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.csv.bz2", "t.csv.zst"])
@pytest.mark.parametrize("sep", [",", ";", "\t", "|"])
def test_csv_of_any_delimiter_and_packing_gives_its_rows(tmp_path, name, sep):
    pd.testing.assert_frame_equal(table(write(FRAME, tmp_path / name, sep=sep)), FRAME, check_dtype=False)


def test_parquet_and_feather_and_a_folder_of_them_give_their_rows(tmp_path):
    FRAME.to_parquet(tmp_path / "t.parquet")
    feather.write_feather(FRAME, tmp_path / "t.feather")
    for name in ("t.parquet", "t.feather"):
        pd.testing.assert_frame_equal(table(tmp_path / name), FRAME, check_dtype=False)
    folder = tmp_path / "parts"
    folder.mkdir()
    for place in (0, 1):  # another order of columns in the second file
        FRAME[FRAME.columns[:: -1 if place else 1]].to_parquet(folder / f"part-{place}.parquet")
    (folder / "_SUCCESS").touch()
    (folder / "._part-0.parquet").write_bytes(b"a mac's")
    (folder / "README.md").write_text("of whoever wrote it")
    twice = pd.concat([FRAME, FRAME], ignore_index=True)
    pd.testing.assert_frame_equal(table(folder), twice, check_dtype=False)
    assert find(folder).passed_over == ("README.md",)
    assert opened(folder).rows == 8


@pytest.mark.parametrize(
    ("content", "dialect"),
    [
        ("user,watch\n1,2.5\n", Dialect()),
        ("1,2.5\n2,3\n", Dialect(header=False)),
        ("u1;3,5\nu2;4\n", Dialect(";", header=False, decimal=",")),
        ("user;watch\nu1;3,5\nu2;4\n", Dialect(";", decimal=",")),
        ("\ufeffuser\twatch\r\nu1\t3.5\r\n", Dialect("\t")),
        (" 00004 19970101  1   29.33\n 00004 19970118  2   29.73\n", Dialect(" ", header=False)),
        ("name,city\nAnn,Rome\nBob,Bern\n", Dialect()),
        ("one\n1\n2\n", Dialect()),
    ],
)
def test_the_dialect_is_found_out(tmp_path, content, dialect):
    (tmp_path / "t.csv").write_text(content, newline="", encoding="utf-8")
    assert sniff(tmp_path / "t.csv") == dialect


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_other_encodings_are_read_and_said(tmp_path, encoding):
    (tmp_path / "t.csv").write_bytes("user,city\n1,Köln\n".encode(encoding))
    found = opened(tmp_path / "t.csv")
    assert found.dialect is not None and found.dialect.encoding == encoding
    assert [block.batch.to_pydict() for block in found.blocks()] == [{"user": ["1"], "city": ["Köln"]}]


def test_columns_aligned_by_spaces_are_read(tmp_path):
    (tmp_path / "t.txt").write_text(" 00004 19970101  1   29.33\n 00021 19970118  2   29.73\n")
    (block,) = opened(tmp_path / "t.txt").blocks(["column_4", "column_1"])
    assert block.batch.to_pydict() == {"column_4": ["29.33", "29.73"], "column_1": ["00004", "00021"]}


def test_a_long_text_within_quotes_may_hold_line_ends(tmp_path):
    rows = [f'{place},"one\ntwo, {place}"' for place in range(1000)]
    (tmp_path / "t.csv").write_text("id,text\n" + "\n".join(rows) + "\n")
    (block,) = opened(tmp_path / "t.csv").blocks()
    assert block.batch["text"][999].as_py() == "one\ntwo, 999"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("t.csv", b"", "t.csv: the file is empty"),
        ("t.csv", b"\n\n", "t.csv: the file is empty"),
        ("t.csv", b"a,a\n1,2\n", "line 1 has two columns named 'a'"),
        ("t.csv", b"a,b\n1,2\n1\n", "row 2 has 1 cells, expected 2"),
        ("t.csv", b'a,b\n1,"2\n1,3\n', "a quote is not closed: row 1 has a cell of more than one line"),
        ("t.csv", b'a,b\n1,2\n1,"3\n4,5\n6,"7"\n', "a quote is not closed: row 2"),
        ("t.csv", b"PK\x03\x04 a workbook", "is a workbook or an archive; save the sheet as CSV or Parquet"),
        ("t.xlsx", b"PK\x03\x04 a workbook", "is a workbook or an archive"),
        ("t.csv", b"a\0b", "is not a text file"),
        ("t.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 9, mtime=0)[:-9], "truncated or damaged compressed file"),
        ("t.parquet", b"PAR1 but no more", "t.parquet: is damaged or truncated"),
        ("t.parquet", b"a,b\n1,2\n", "is no Parquet file, whatever its name"),
        ("t.feather", b"FEA1....", "Feather file of version 1"),
        ("t.json", b"{}", "is a file of no known kind"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadData) as caught:
        list(opened(tmp_path / name).blocks())
    assert says in str(caught.value) and name in str(caught.value) and "\n" not in str(caught.value)


def test_a_folder_without_one_table_is_refused(tmp_path):
    with pytest.raises(NotAvailable, match="no such file or folder"):
        opened(tmp_path / "nowhere.csv")
    (tmp_path / "notes.md").write_text("nothing")
    with pytest.raises(NotAvailable, match=r"no table in this folder; it holds notes\.md"):
        opened(tmp_path)
    FRAME.to_parquet(tmp_path / "a.parquet")
    write(FRAME, tmp_path / "b.csv")
    with pytest.raises(BadData, match="tables of more than one kind"):
        opened(tmp_path)
    (tmp_path / "b.csv").unlink()
    FRAME.rename(columns={"said": "told"}).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(BadData, match=r"b\.parquet: lacks 'said' and has 'told' besides, unlike a\.parquet"):
        opened(tmp_path)


def block(**columns: object) -> Block:
    return Block(Path("t.csv"), 11, pa.record_batch(columns))


def test_numbers_are_read_from_any_type_and_empty_cells_are_nan():
    texts = block(a=pa.array(["1", " 2.5 ", "", None, "NA", "1e3"]))
    np.testing.assert_array_equal(numbers(texts, "a"), [1, 2.5, np.nan, np.nan, np.nan, 1000])
    np.testing.assert_array_equal(numbers(block(a=pa.array(["1", "2,5"])), "a", ","), [1, 2.5])
    np.testing.assert_array_equal(numbers(block(a=pa.array([True, None])), "a"), [1, np.nan])
    np.testing.assert_array_equal(numbers(block(a=pa.array([1, 2]).cast(pa.decimal128(21, 2))), "a"), [1, 2])


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (["1", "abc"], "column 'a' is not a number ('abc') in row 12"),
        (["1", "2,5"], "column 'a' is not a number ('2,5') in row 12"),
        (["inf", "1"], "column 'a' is infinite in row 11"),
        ([1.0, np.inf], "column 'a' is infinite in row 12"),
        ([[1], [2]], "is of type list<item: int64>, not a number"),
    ],
)
def test_what_is_no_number_is_refused_by_row(array, says):
    with pytest.raises(BadData) as caught:
        numbers(block(a=pa.array(array)), "a")
    assert says in str(caught.value)


def test_ids_keep_all_their_digits():
    large = [9_007_199_254_740_992, 9_007_199_254_740_993]
    assert keys(block(a=pa.array(large)), "a").to_pylist() == large
    assert keys(block(a=pa.array([2**64 - 1], pa.uint64())), "a").to_pylist() == [str(2**64 - 1)]
    assert keys(block(a=pa.array(["007", "7", "", "NULL"])), "a").to_pylist() == ["007", "7", None, None]
    assert keys(block(a=pa.array([6.0, None])), "a").to_pylist() == [6, None]
    with pytest.raises(BadData, match="an id that a decimal cannot hold exactly, in row 12"):
        keys(block(a=pa.array([6.0, 1e17])), "a")


def test_lists_are_cut_from_texts_and_taken_from_arrays():
    expected = [[1, 2], [], [3], []]
    for array in (
        pa.array([[1, 2, 9], [], [3], None]),
        pa.array([[1, 2, 9], [], [3], None]).slice(0),
        pa.array(["[1, 2, 9]", "[]", " 3", None]),
    ):
        counts, members = lists(block(a=array), "a", 2, ",")
        cut = np.split(np.array([int(m) for m in members.to_pylist()]), np.cumsum(counts)[:-1])
        assert [part.tolist() for part in cut] == expected


def test_times_grow_with_time_and_need_one_form():
    texts = block(a=pa.array(["2024-01-31", "2024-02-01"]))
    assert np.diff(times(texts, "a", "%Y-%m-%d")).tolist() == [86_400_000_000]
    stamps = pa.array(np.array(["2024-01-31", "2024-02-01"], "datetime64[ns]"))
    assert np.diff(times(block(a=stamps), "a", "")).tolist() == [86_400_000_000_000]
    with pytest.raises(BadData, match=r"is '01/02/2024', not a time of the form %Y-%m-%d, in row 12"):
        times(block(a=pa.array(["2024-01-31", "01/02/2024"])), "a", "%Y-%m-%d")
    with pytest.raises(BadData, match="is empty in row 12"):
        times(block(a=pa.array([1, None])), "a", "")


def test_codes_are_those_of_a_dictionary_whatever_the_values():
    rng = np.random.default_rng(0)
    whole = rng.integers(-(2**62), 2**62, 3000)
    texts = [f"{'é' * (n % 7)}{n}" for n in whole[:2000]] + ["", "\0", "a" * 1000]
    for values, kind in ((whole.tolist(), pa.int64()), (texts, pa.string())):
        drawn = [None if k % 97 == 0 else values[k] for k in rng.integers(0, len(values), 200_000)]
        coder, seen = Coder(), {}
        for start in range(0, len(drawn), 77_777):
            part = drawn[start : start + 77_777]
            codes = coder.add(pa.array(part, kind).slice(0))
            assert codes.tolist() == [-1 if v is None else seen.setdefault(v, len(seen)) for v in part]
        assert coder.values.to_pylist() == list(seen)


def test_codes_go_on_when_a_column_turns_to_text_and_texts_that_are_numbers_become_numbers():
    coder = Coder()
    assert coder.add(pa.array([7, 5])).tolist() == [0, 1]
    assert coder.add(pa.array(["5", "x"])).tolist() == [1, 2]
    assert coder.add(pa.array([7])).tolist() == [0]
    assert coder.values.to_pylist() == ["7", "5", "x"]
    digits = Coder()
    digits.add(pa.array(["10", "9", "-3"]))
    assert digits.values.to_pylist() == [10, 9, -3] and ranks(digits.values).tolist() == [2, 1, 0]
    points = Coder()
    points.add(pa.array(["10.0", "9", "-3.0"]))
    assert points.values.to_pylist() == [10, 9, -3]
    both = Coder()
    both.add(pa.array(["9.0", "9"]))
    assert both.values.to_pylist() == ["9.0", "9"]
    padded = Coder()
    padded.add(pa.array(["10", "09"]))
    assert padded.values.to_pylist() == ["10", "09"]


def test_a_spool_gives_back_what_was_added_and_leaves_no_file(tmp_path):
    spool = Spool(tmp_path / "scratch", np.int32, 2)
    spool.add(np.arange(4).reshape(2, 2))
    spool.add(np.arange(6).reshape(3, 2))
    assert spool.array().tolist() == [[0, 1], [2, 3], [0, 1], [2, 3], [4, 5]]
    assert list((tmp_path / "scratch").iterdir()) == []
