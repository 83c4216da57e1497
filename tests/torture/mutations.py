"""Changes of files: of any bytes, delimited text, gzip, JSON and TOML. Each takes the bytes and a generator."""

import csv
import gzip
import io
import json
import random
from collections.abc import Callable
from typing import Any

Mutation = Callable[[bytes, random.Random], bytes]


def applied(mutation: Mutation, raw: bytes, rng: random.Random) -> bytes | None:
    """What it makes of these bytes; None where they are too few for it."""
    try:
        return mutation(raw, rng)
    except (ValueError, IndexError, csv.Error):
        return None


def bit(raw: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ 1 << rng.randrange(8)]) + raw[at + 1 :]


def bits(raw: bytes, rng: random.Random) -> bytes:
    for _ in range(max(2, len(raw) // 300)):
        raw = bit(raw, rng)
        if len(raw) > 100_000:  # a few are enough
            return bit(raw, rng)
    return raw


def truncate(raw: bytes, rng: random.Random) -> bytes:
    return raw[: rng.randrange(len(raw))]


def tail(raw: bytes, rng: random.Random) -> bytes:
    return raw[: -rng.randrange(1, 60)]


def cut(raw: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(raw))
    return raw[:at] + raw[at + rng.randrange(1, 200) :]


def repeat(raw: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(raw))
    return raw[:at] + raw[at : at + rng.randrange(1, 400)] + raw[at:]


def nul(raw: bytes, rng: random.Random) -> bytes:
    at, size = rng.randrange(len(raw)), rng.choice([1, 16, 512, 4096])
    return raw[:at] + b"\0" * size + raw[at + rng.choice([0, size]) :]


def noise(raw: bytes, rng: random.Random) -> bytes:
    at = rng.choice([rng.randrange(len(raw)), len(raw)])
    return raw[:at] + rng.randbytes(rng.choice([1, 8, 200, 2000])) + raw[at:]


def empty(raw: bytes, rng: random.Random) -> bytes:
    return b""


BYTES: list[Mutation] = [bit, bit, bit, bits, truncate, truncate, tail, cut, repeat, nul, noise, empty]

# --- delimited text ---

_ODD = [
    "", "NaN", "null", "inf", "-inf", "-1", "-0.001", "1e308", "1e400", "1e-320", "1e15", "99999999999999999999",
    "9223372036854775808", "4294967296", "-2147483649", "0x10", "1_000", " 12", "12 ", "1.5", "1,5", "1;5", "true", "'",
    '"', "１２", "1e5", "12\x00", "9" * 400, "9" * 20000, "😀", "\ufeff12", "12abc", "--12", "+12", "$5", "2012-13-45",
    "99990101", "9999-12-31", "[1, 2", "[null]", "[1e400]", "[-1]", "{}", "=1+1", "\\N", "#N/A", "-", "1.", "1e",
]  # fmt: skip


def delimiter(raw: bytes) -> bytes:
    head = raw.partition(b"\n")[0]
    return max((b",", b";", b"\t", b" "), key=head.count)


def _grid(raw: bytes) -> tuple[str, list[list[str]]]:
    d = delimiter(raw).decode()
    text = raw.decode("utf-8", "surrogateescape")
    return d, [row for row in csv.reader(io.StringIO(text), delimiter=d) if row]


def _text(d: str, rows: list[list[str]], quoting: Any = csv.QUOTE_MINIMAL) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=d, lineterminator="\n", quoting=quoting).writerows(rows)
    return out.getvalue().encode("utf-8", "surrogateescape")


def cell(raw: bytes, rng: random.Random) -> bytes:
    d, rows = _grid(raw)
    for _ in range(rng.choice([1, 1, 1, 10])):
        row = rows[rng.randrange(1, len(rows))]
        row[rng.randrange(len(row))] = rng.choice(_ODD)
    return _text(d, rows)


def column(raw: bytes, rng: random.Random) -> bytes:
    """A whole column: another value, gone, twice, moved, or under another name."""
    d, rows = _grid(raw)
    a, b = rng.sample(range(len(rows[1])), 2)
    how = rng.choice(["value", "gone", "twice", "swap", "names", "rename", "scale"])
    odd, factor = rng.choice(_ODD), rng.choice([0.001, 1000, -1, 1e6])
    for place, row in enumerate(rows):
        if how in ("swap", "names") and (how == "swap" or not place):
            row[a], row[b] = row[b], row[a]
        elif how == "gone":
            del row[a]
        elif how == "twice":
            row.insert(b, row[a] if not place else rng.choice(rows[1:])[a])
        elif how == "rename" and not place:
            row[a] = rng.choice([row[a].upper(), row[a] + " ", row[a] + "x", "", f'"{row[a]}"', row[a] + "\0"])
        elif how == "value" and place:
            row[a] = odd
        elif how == "scale" and place and row[a].lstrip("-").replace(".", "", 1).isdigit():
            row[a] = f"{float(row[a]) * factor:.10g}"
    return _text(d, rows)


def lines(raw: bytes, rng: random.Random) -> bytes:
    """Rows dropped, repeated, shuffled, blank, short or long; the header alone, gone or twice."""
    head, *body = raw.split(b"\n")
    at = rng.randrange(len(body) - 1)
    d = delimiter(raw)
    how = rng.randrange(10)
    if how == 0:
        del body[at]
    elif how == 1:
        body[at:at] = [body[at]] * rng.choice([1, 50])
    elif how == 2:
        rng.shuffle(body)
        body = [row for row in body if row] + [b""]
    elif how == 3:
        body[at:at] = [rng.choice([b"", b"   ", b"\t"])] * 2
    elif how == 4:
        body[at] = body[at].rpartition(d)[0]
    elif how == 5:
        body[at] += rng.choice([d, b"9" * 300_000])
    elif how == 6:
        body = [b""]
    elif how == 7:
        head, *body = body
    elif how == 8:
        body[at:at] = [head]
    else:
        body = [*body[: len(body) // 2], b""]
    return b"\n".join([head, *body])


def coding(raw: bytes, rng: random.Random) -> bytes:
    """Line ends, byte-order marks, encodings, delimiters and quotes."""
    plain, at = raw.replace(b"\r\n", b"\n"), rng.randrange(len(raw))
    return rng.choice([
        lambda: plain.replace(b"\n", b"\r\n"), lambda: plain.replace(b"\n", b"\r"), lambda: b"\xef\xbb\xbf" + raw,
        lambda: raw.decode("latin1").encode("utf-16"), lambda: raw[:at] + b"\xe9" + raw[at:],
        lambda: raw.replace(delimiter(raw), rng.choice([b";", b"\t", b"|", b", "])), lambda: raw[:at] + b'"' + raw[at:],
        lambda: _text(*_grid(raw), quoting=csv.QUOTE_ALL),
    ])()  # fmt: skip


TEXT: list[Mutation] = [*BYTES, *[cell] * 6, *[column] * 8, *[lines] * 6, *[coding] * 6]


def packed(raw: bytes, rng: random.Random) -> bytes:
    """A gzip file that is none, twice one, two in one, or has bytes behind it."""
    whole = gzip.decompress(raw)
    at = rng.randrange(len(whole))
    return rng.choice([
        lambda: raw + b"\0" * 100, lambda: raw + rng.randbytes(40), lambda: gzip.compress(raw), lambda: whole,
        lambda: gzip.compress(whole[:at]) + gzip.compress(whole[at:]), lambda: rng.randbytes(2000),
    ])()  # fmt: skip


# --- JSON and TOML ---

_VALUES = [
    None, True, 0, -1, 1, 2**31, 2**63, 2**64, 1e308, -1e308, 1e-320, 0.5, "", "x", "../../x", "..", "a/b", "\u0000",
    "<script>alert(1)</script>", "|", "`", "x" * 100_000, [], {}, [[]], [None], {"": None}, {"a": {"b": 1}}, [1, 2],
    "1", "nan", "2026-13-45", "synthetic", "tr", "default", "tuned", "*", "[bold]", "%s", "{0}", "\n",
]  # fmt: skip


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Returns the way to every place of a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(found for key, item in items for found in paths(item, (*at, key)))]


def place(value: Any, at: tuple[Any, ...]) -> Any:
    for key in at:
        value = value[key]
    return value


def structured(raw: bytes, rng: random.Random) -> bytes:
    """Another value at one place of a JSON file, or a key that is gone, new or misspelt."""
    value = json.loads(raw)
    at = rng.choice(paths(value)[1:])
    parent, key = place(value, at[:-1]), at[-1]
    how = rng.choice(["set", "set", "set", "set", "drop", "new", "rename", "number", "deep"])
    if how == "set":
        parent[key] = rng.choice(_VALUES)
    elif how == "drop":
        del parent[key]
    elif how == "new" and isinstance(parent, dict):
        parent[rng.choice(["new", "", "__class__"])] = rng.choice(_VALUES)
    elif how == "rename" and isinstance(parent, dict):
        parent[f"{key}x"] = parent.pop(key)
    elif how == "deep":
        parent[key] = json.loads("[" * 900 + "]" * 900)
    elif how == "number":
        parent[key] = 424242424242
        odd = rng.choice(["NaN", "-Infinity", "1e999", "01", "+1", "1.", "0x1"])
        return json.dumps(value).replace("424242424242", odd).encode()
    return json.dumps(value, indent=2).encode()


_MORE = [
    '[[variant]]\nmethod = "tr"\nname = "../evil"\nconfig = { dim = 4 }',
    '[[variant]]\nmethod = "tr"\nname = "x"\nconfig = { dim = "4" }',
    '[[variant]]\nmethod = "tr"\nname = "default"\nconfig = { dim = 4 }', '[[variant]]\nname = "x"',
    '[[variant]]\nmethod = "tr"\nname = "x"\nconfig = { lr = nan }', "[grid]\nx = 1", "seeds = 3", '"" = 1',
    '[[search]]\nname = "g"\nmethod = "nosuch"\ngrid = { lr = [1e-3] }',
    '[[search]]\nname = "../g"\nmethod = "tr"\ngrid = { lr = [] }',
    '[[grid]]\ndatasets = "synthetic"\nmethods = ["tr"]',
]  # fmt: skip
_SETTINGS = [
    '""', "[]", "[1]", "[[]]", "-1", "0", "1e9", "9223372036854775808", "true", "nan", '"*"', '["nosuch"]', '["../x"]',
    "{}", "1979-05-27", '[""]', '["synthetic", "synthetic"]', "5.5", '"5"', "100000000",
]  # fmt: skip


def settings(raw: bytes, rng: random.Random) -> bytes:
    """A line of a TOML file gone, twice, misspelt or of another value, or a table more."""
    rows = raw.decode().splitlines()
    at = rng.randrange(len(rows))
    how = rng.choice(["drop", "twice", "value", "value", "value", "key", "more", "more"])
    if how == "drop":
        del rows[at]
    elif how == "twice":
        rows.insert(at, rows[at])
    elif how == "value" and "=" in rows[at]:
        rows[at] = f"{rows[at].partition('=')[0]}= {rng.choice(_SETTINGS)}"
    elif how == "key":
        rows[at] = f"x{rows[at]}"
    elif how == "more":
        rows.insert(at, rng.choice(_MORE))
    return ("\n".join(rows) + "\n").encode()
