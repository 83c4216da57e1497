"""Pieces of delimited text: the same rows whatever the size of a piece, and strict quotes."""

import csv
import gc
import gzip
import io
import random
import sys
from threading import Event

import pyarrow as pa
import pytest

from datasets.base import BadData, Unreadable
from datasets.reading import delimited
from datasets.reading.delimited import header, line_of_row, pieces
from datasets.reading.stream import blocks
from tests.ltv_fixtures import complaint, put

TYPES = {"a": pa.int64(), "t": pa.string()}


def rows_of(path, size):
    return [
        (block.line_of(row), *values)
        for block in blocks(path, TYPES, size=size)
        for row, values in enumerate(zip(*(block.batch.column(n).to_pylist() for n in TYPES), strict=True))
    ]


def made(seed: int, rows: int = 60) -> list[tuple[int, str]]:
    """Ids with texts that hold quotes, delimiters and line ends."""
    rng = random.Random(seed)
    return [(k, "".join(rng.choice('xy,"\n ') for _ in range(rng.randrange(12)))) for k in range(rows)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("seed", range(3))
def test_cells_with_line_ends_read_as_the_csv_module_reads_them_at_any_size(tmp_path, seed, end):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([("a", "other", "t"), *((k, 7, t) for k, t in made(seed))])
    path = put(tmp_path / "log.csv.gz", out.getvalue().replace("\n", end).encode())
    reader = csv.reader(io.StringIO(out.getvalue(), newline=""), strict=True)
    lines, expected = next(reader) and 1, []
    for a, _, text in reader:
        expected.append((lines + 1, int(a), text))
        lines = reader.line_num
    for size in (1, 7, 64, 1000, 1 << 20):
        assert rows_of(path, size) == expected


def test_empty_lines_are_no_rows_and_lines_stay_true(tmp_path):
    path = put(tmp_path / "log.csv", 'a,t\n1,x\n\n\n2,"y\n\nz"\n\n3,w')
    assert rows_of(path, 5) == rows_of(path, 99) == [(2, 1, "x"), (5, 2, "y\n\nz"), (9, 3, "w")]
    assert [line_of_row(path, row) for row in range(3)] == [2, 5, 9]


@pytest.mark.parametrize("size", [4, 50, 1 << 20])
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('5,"open', "a quote is opened in line 32 and never closed"),
        ('5,"a"b', "the quote opened in line 32 is closed inside a cell, in line 32"),
        ('5,a"b', "line 32 has a quote inside a cell"),
        ("5,a,b", "line 32 has 3 columns, expected 2"),
        ("five,a", "column 'a' is not a whole number ('five') in line 32"),
    ],
)
def test_what_would_swallow_rows_is_refused_by_its_line(tmp_path, size, line, words):
    good = "".join(f"{k},x\n" for k in range(30))
    path = put(tmp_path / "log.csv", f"a,t\n{good}{line}\n{good}")
    complaint(lambda: rows_of(path, size), f"{path}: {words}")


def test_a_stray_quote_among_others_is_refused_by_the_line_that_opens_it(tmp_path):
    good = "".join(f'{k},"x,{k}"\n' for k in range(30))
    path = put(tmp_path / "log.csv", f'a,t\n{good}5,"open\n{good}')
    complaint(lambda: rows_of(path, 64), "the quote opened in line 32 is closed inside a cell, in line 33")


def test_quotes_have_no_meaning_where_there_is_no_header(tmp_path):
    path = put(tmp_path / "log", '1\t"x\n2\ty"\n')
    found = [block.batch.to_pylist() for block in blocks(path, TYPES, names=["a", "t"], delimiter="\t")]
    assert found == [[{"a": 1, "t": '"x'}, {"a": 2, "t": 'y"'}]]


def test_a_record_without_an_end_is_not_read_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "_LONGEST", 5000)
    path = put(tmp_path / "log.csv", 'a,t\n1,x\n2,"' + "y\n" * 20_000)
    complaint(lambda: rows_of(path, 256), "a quote is opened in line 3 and never closed")
    path = put(tmp_path / "log.csv", "a,t\n1,x\n2," + "y" * 20_000)
    complaint(lambda: rows_of(path, 256), "line 3 is longer than 5,000 bytes")


def test_column_names_are_read_without_the_spaces_around_them(tmp_path):
    path = put(tmp_path / "log.csv", b'\xef\xbb\xbf a , "b" ,"t "\n1,2,x\n')
    assert header(path) == ["a", '"b"', "t"]
    assert rows_of(path, 99) == [(2, 1, "x")]


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ("a,b", "no column 't'; line 1 has 'a', 'b'"),
        ("a,t,a", "line 1 has more than one column 'a'"),
        ("a\0,t", "line 1 holds a NUL byte"),
        ("", "line 1 is empty"),
        ('a,"t', "line 1 is not a line of column names"),
        (",".join(f"name{k}" for k in range(100_000)), "and 99,976 more"),
        ("n" * 100_000, "'nnnnnnnnnnnnnnn"),
    ],
)
def test_a_header_that_cannot_be_right_is_refused_in_a_short_line(tmp_path, first, words):
    path = put(tmp_path / "log.csv", f"{first}\n1,2\n")
    assert len(complaint(lambda: rows_of(path, 99), str(path), words)) < 1300


def test_columns_that_are_not_read_may_share_a_name(tmp_path):
    assert rows_of(put(tmp_path / "log.csv", "x,a,x,t,\n5,1,5,y,5\n"), 99) == [(2, 1, "y")]


@pytest.mark.parametrize("where", [b"1,x\n\0\0\n", b'1,"\0"\n'])
def test_a_nul_byte_is_found_with_its_line(tmp_path, where):
    path = put(tmp_path / "log.csv", b"a,t\n1,x\n" + where)
    complaint(lambda: rows_of(path, 4), "holds a NUL byte")


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw[:-6],
        lambda raw: raw[:30],
        lambda raw: raw[:40] + bytes(20) + raw[60:],
        lambda raw: raw[:-5] + bytes([raw[-5] ^ 1]) + raw[-4:],
        lambda raw: raw + b"more",
        lambda raw: b"a,t\n1,x\n",
    ],
)
def test_a_damaged_gzip_file_is_one_line(tmp_path, damage):
    whole = gzip.compress(b"a,t\n" + b"".join(b"%d,x%d\n" % (k, k * k) for k in range(3000)))
    path = tmp_path / "log.csv.gz"
    path.write_bytes(damage(whole))
    complaint(lambda: rows_of(path, 1 << 20), f"{path}: a truncated or damaged gzip file")


def test_several_gzip_members_are_one_text(tmp_path):
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress(b"a,t\n1,") + gzip.compress(b"x\n2,y\n"))
    assert rows_of(path, 3) == [(2, 1, "x"), (3, 2, "y")]


def test_a_file_that_cannot_be_opened_is_unreadable(tmp_path):
    (tmp_path / "log.csv").mkdir()
    with pytest.raises(Unreadable, match=r"log\.csv: cannot be read \(is a directory\)"):
        list(pieces(tmp_path / "log.csv", size=99))


def test_an_error_is_one_short_line_whatever_the_file_holds(tmp_path):
    error = str(BadData("a\n" * 10_000_000))
    assert len(error) < 1300
    assert "\n" not in error
    complaint(lambda: rows_of(put(tmp_path / "log.csv", "a,t\n" + "9" * 3_000_000 + ",x\n"), 1 << 20), "999'")


NUMBERS = {
    "6": 6, "6.0": 6, "6.": 6, "-6.00": -6, " 6 ": 6, "+6": 6, "0006": 6,
    "9223372036854775807": 2**63 - 1, "-9223372036854775808": -(2**63), "9007199254740993": 2**53 + 1,
    "9007199254740993.0": 2**53 + 1,
}  # fmt: skip


@pytest.mark.parametrize("written", NUMBERS)
def test_whole_numbers_are_exact_however_they_are_written(tmp_path, written):
    path = put(tmp_path / "log.csv", f"a,t\n1,x\n{written},y\n3,z\n")
    assert [a for _, a, _ in rows_of(path, 1)] == [1, NUMBERS[written], 3]


@pytest.mark.parametrize(
    "written",
    ["1_000", "0x10", "1e5", "1e30", "inf", "-inf", "6.5", "9223372036854775808", "1,5", "１２", "--6", "6 6", "6a"],
)
def test_what_is_no_whole_number_is_refused(tmp_path, written):
    path = put(tmp_path / "log.csv", f'a,t\n1,x\n"{written}",y\n3,z\n')
    complaint(lambda: rows_of(path, 1), "column 'a' is not a whole number", f"({written!r}) in line 3;")


def test_columns_with_decimals_stay_exact_over_many_blocks(tmp_path):
    ids = [2**53 + k for k in range(200)]
    path = put(tmp_path / "log.csv", "a,t\n" + "".join(f"{k}.0,x\n" for k in ids))
    assert [a for _, a, _ in rows_of(path, 40)] == ids


def test_what_is_left_of_a_file_may_be_collected_in_the_thread_that_reads_ahead(monkeypatch):
    parts, abandoned, collected, mishaps = iter([b"a,b\n"]), Event(), Event(), []
    monkeypatch.setattr(sys, "unraisablehook", mishaps.append)

    def read(size: int) -> bytes:
        if first := next(parts, b""):
            return first
        abandoned.wait(10)
        gc.collect()  # the collector runs in whatever thread it likes
        collected.set()
        return b""

    texts = delimited._ahead(read, 4)
    cycle = [texts]
    cycle.append(cycle)  # as an error's traceback makes one
    assert next(texts) == b"a,b\n"
    del texts, cycle
    abandoned.set()
    assert collected.wait(10) and mishaps == []
