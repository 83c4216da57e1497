"""Reading CSV: types, and one sentence for everything that can be wrong with a file."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datasets.base import BadData
from datasets.reading import ingest
from datasets.reading.ingest import Column, duplicates, read_csv

METRICS = [Column("user"), Column("play", "float", low=0)]
GOOD = "user,other,play\n1,a,2.5\n2,b,0\n3000000000,c,7\n"


@pytest.fixture
def small_blocks(monkeypatch):
    """Many blocks in a small file."""
    monkeypatch.setattr(ingest, "_BLOCK", 1 << 12)


def put(folder: Path, text: str | bytes, name: str = "log.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def complaint(path: Path, columns=METRICS) -> str:
    with pytest.raises(BadData) as caught:
        read_csv(path, columns)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz"])
def test_columns_come_typed_from_plain_and_gzipped_files(tmp_path, name):
    raw = GOOD.encode()
    got = read_csv(put(tmp_path, gzip.compress(raw) if name.endswith("gz") else raw, name), METRICS)
    assert got["user"].tolist() == [1, 2, 3_000_000_000]
    assert got["play"].dtype == np.float64
    assert got["play"].tolist() == [2.5, 0, 7]
    assert "other" not in got


def test_a_file_of_many_blocks_reads_as_pandas_reads_it(tmp_path, small_blocks):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"user": rng.integers(0, 10**6, 3000), "play": rng.random(3000), "text": "é,x"})
    frame.to_csv(tmp_path / "log.csv", index=False)
    got = read_csv(tmp_path / "log.csv", [*METRICS, Column("text", "text")])
    expected = pd.read_csv(tmp_path / "log.csv")
    assert got["user"].dtype == np.int32
    np.testing.assert_array_equal(got["user"], expected["user"])
    np.testing.assert_array_equal(got["play"], expected["play"])
    assert set(got["text"]) == {"é,x"}


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path):
    got = read_csv(put(tmp_path, b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()), METRICS)
    assert got["user"].tolist() == [1, 2, 3_000_000_000]


def test_empty_cells_of_a_nullable_column_become_a_category_of_their_own(tmp_path):
    path = put(tmp_path, "music,degree,w\n12.0,,\n,high,3\n7,NaN,4\n")
    kinds = {"music": "int", "degree": "text", "w": "float"}
    got = read_csv(path, [Column(name, kind, empty=True) for name, kind in kinds.items()])
    assert got["music"].tolist() == [12, -1, 7]
    assert got["degree"].tolist() == ["", "high", "NaN"]
    np.testing.assert_array_equal(got["w"], [np.nan, 3, 4])


def test_a_missing_column_is_named_beside_those_that_are_there(tmp_path):
    message = complaint(put(tmp_path, "user,other\n1,2\n"))
    assert "no column 'play'" in message
    assert "'user', 'other'" in message


def test_an_optional_column_may_be_missing(tmp_path):
    assert "time" not in read_csv(put(tmp_path, GOOD), [*METRICS, Column("time", optional=True)])


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("nan", "is empty or not a number"),
        ("", "is empty or not a number"),
        ("-3", "is negative (-3)"),
        ("inf", "is infinite"),
        ("-inf", "is infinite"),
        ("1e300", "is too large to be true (1e+300)"),
        ("abc", "is not a number ('abc')"),
    ],
)
@pytest.mark.parametrize("line", [2, 1801])
def test_a_value_that_cannot_be_right_is_found_with_its_column_and_line(tmp_path, small_blocks, cell, words, line):
    lines = ["user,play", *["4,1.5"] * 2000]
    lines[line - 1] = f"4,{cell}"
    lines[1990] = f"4,{cell}"  # a later one is not the one to name
    message = complaint(put(tmp_path, "\n".join(lines)))
    assert f"column 'play' {words} in line {line};" in message


def test_an_id_that_is_no_whole_number_is_found(tmp_path):
    path = put(tmp_path, "user,play\n1,2\n1.5,2\n")
    assert "column 'user' is not a whole number ('1.5') in line 3" in complaint(path)
    message = complaint(path, [Column("user", empty=True)])
    assert "column 'user' is not a whole number ('1.5') in line 3" in message


def test_a_row_that_breaks_off_is_found(tmp_path):
    message = complaint(put(tmp_path, "user,a,play\n" + "1,2,3\n" * 5 + "1,2\n"))
    assert "line 7 has 2 columns, expected 3" in message


@pytest.mark.parametrize("left", [0.5, 0.999])
def test_a_truncated_gzip_file_is_not_read_in_part(tmp_path, left):
    whole = gzip.compress(b"user,play\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(20_000)))
    path = put(tmp_path, whole[: int(len(whole) * left)], "log.csv.gz")
    assert "truncated or damaged gzip" in complaint(path)


def test_a_gzip_file_with_changed_bytes_is_not_read(tmp_path):
    whole = bytearray(gzip.compress(GOOD.encode()))
    whole[-6] ^= 1  # the checksum
    assert "damaged gzip" in complaint(put(tmp_path, bytes(whole), "log.csv.gz"))
    assert "damaged gzip" in complaint(put(tmp_path, GOOD, "plain.csv.gz"))


def test_a_file_without_rows_is_not_read(tmp_path):
    assert "the file is empty" in complaint(put(tmp_path, ""))
    assert "no rows" in complaint(put(tmp_path, "user,play\n"))


def test_duplicates_are_counted_as_pandas_counts_them(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"user": rng.integers(0, 20, 2000), "play": rng.integers(0, 20, 2000) / 4})
    frame.to_csv(tmp_path / "log.csv", index=False)
    got = read_csv(tmp_path / "log.csv", METRICS, row_hash=True)
    assert duplicates(got[""]) == frame.duplicated().sum() > 0
