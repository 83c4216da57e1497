"""Changed raw files in the official formats, through the loaders, beside a strict reading of the same bytes.

A case is refused (BadData or NotAvailable, in one line), harmless (the very same table), plausible (another table, with
the row count and labels of the strict reading), or it did not hold: suspect, a traceback, a hang.
"""

import csv
import gzip
import io
import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from datasets import registry
from datasets.base import BadData, NotAvailable, Table
from datasets.cache import columns_of
from datasets.preparing import fingerprint
from tests import fixtures, ltv_fixtures
from tests.torture import mutations as change
from tests.torture import world
from tests.torture.table import Row

csv.field_size_limit(10_000_000)  # of the strict reading: a cell of 300,000 digits is one
_LIMIT = 20  # seconds for a table of a few hundred rows

ROOTS: dict[str, Callable[[Path], Any]] = {
    "kuairand": lambda p: fixtures.kuairand(p, rows=300, logs=["log_standard_4_22_to_5_08_pure.csv"]),
    "kuairand@time": lambda p: fixtures.kuairand(p, rows=300),
    "kuairec": lambda p: fixtures.kuairec(p, rows=300),
    "kuairec@ratio": lambda p: fixtures.kuairec(p, rows=300, matrices=["big_matrix.csv.gz"]),
    "wechat": lambda p: fixtures.wechat(p, rows=300),
    "cikm16": fixtures.cikm16,
    "criteo-ssc": lambda p: ltv_fixtures.criteo(p, ltv_fixtures.clicks(rows=300)),
    "kaggle": lambda p: ltv_fixtures.kaggle(p, ltv_fixtures.transactions(per_customer=20)),
    "cdnow": lambda p: ltv_fixtures.cdnow(p, ltv_fixtures.purchases()),
}


class _Odd(Exception):
    """The strict reading refuses the file."""


def _strict(path: Path, delimiter: str | None) -> tuple[list[str], list[list[str]]]:
    """UTF-8, no NUL, every row as wide as the first."""
    raw = path.read_bytes()
    raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
    if b"\0" in raw:
        raise _Odd("NUL byte")
    text = raw.decode("utf-8-sig")
    if delimiter is None:
        rows = [line.split() for line in text.splitlines() if line.strip()]
    elif delimiter == "\t":
        rows = [line.split("\t") for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if line]
    else:
        rows = [r for r in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if r]
    if len({len(row) for row in rows}) > 1:
        raise _Odd("rows of several widths")
    return rows[0], rows[1:]


def _values(head: list[str], rows: list[list[str]], name: str) -> np.ndarray:
    if head.count(name) != 1:
        raise _Odd(f"{head.count(name)} columns named {name}")
    cells = [row[head.index(name)] for row in rows]
    if any("_" in cell for cell in cells):
        raise _Odd("1_0 is no number")
    values = np.array([float(cell) for cell in cells])
    if not np.isfinite(values).all():
        raise _Odd("not finite")
    return values


def strictly(name: str, root: Path) -> tuple[int, np.ndarray | None]:
    """Returns the raw rows and the sorted labels by the strict reading: plain Python and pandas, nothing of datasets/.
    Labels are None where they are not worked out here; rows are -1 likewise."""
    family = name.partition("@")[0]
    files = {path.name.removesuffix(".gz"): path for path in root.rglob("*") if path.is_file()}
    if family in ("kuairand", "kuairec"):
        play_name, key = ("play_time_ms", "log_") if family == "kuairand" else ("play_duration", "matrix")
        duration_name = "duration_ms" if family == "kuairand" else "video_duration"
        (path,) = (p for n, p in files.items() if key in n)
        head, rows = _strict(path, ",")
        play, duration = _values(head, rows, play_name) / 1000, _values(head, rows, duration_name) / 1000
        kept = duration > 0
        if family == "kuairand":
            kept &= (play > 0) & (np.rint(duration) >= 5) & (np.rint(duration) <= 400)
        label = play[kept] / (duration[kept] if "ratio" in name else 1)
        return len(rows), np.sort(label).astype(np.float32)
    if family == "criteo-ssc":
        head, rows = _strict(files["CriteoSearchData"], "\t")
        every = [head, *rows]
        names = [str(i) for i in range(len(head))]
        sale, amount = _values(names, every, "0"), _values(names, every, "1")
        return len(every), np.sort(np.where((sale == 1) & (amount > 0), amount, 0)).astype(np.float32)
    if family in ("cdnow", "kaggle"):
        (path,) = files.values()
        head, rows = _strict(path, None if family == "cdnow" else ",")
        count = len(rows)
        if family == "cdnow":
            count, rows = count + 1, [head, *rows]
            head = ["id", "date", "cds", "purchaseamount"]
            if any(len(row[1]) != 8 for row in rows):
                raise _Odd("odd date")
        else:
            rows = [row for row in rows if row[head.index("company")].strip() in map(str, ltv_fixtures.COMPANIES)]
        frame = pd.DataFrame({"id": _values(head, rows, "id"), "purchaseamount": _values(head, rows, "purchaseamount")})
        frame["company"] = 0 if family == "cdnow" else _values(head, rows, "company")
        frame["date"] = [pd.Timestamp(row[head.index("date")]) for row in rows]
        return count, np.sort(ltv_fixtures.lifetimes_by_pandas(frame).label.to_numpy().astype(np.float32))
    return -1, None


def _mark(table: Table, name: str) -> str:
    return fingerprint.of_table(table.schema, columns_of(table), registry.get(name).protocol)


def implausible(table: Table) -> str:
    """Returns what no table may have, "" for nothing."""
    rows, n = table.rows, len(table.rows.label)
    label = np.asarray(rows.label)
    if not np.isfinite(label).all() or (label < 0).any():
        return "a label that is not finite or negative"
    if rows.duration is not None and not (np.asarray(rows.duration) > 0).all():
        return "a duration that is not positive"
    for place, field in enumerate(table.schema.fields):
        if rows.ids[:, place].min() < 0 or rows.ids[:, place].max() >= field.size:
            return f"an id of {field.name} outside its field"
    if rows.numeric is not None and not np.isfinite(rows.numeric).all():
        return "a number that is not finite"
    every = np.concatenate([table.split[split] for split in table.split])
    return "" if len(np.unique(every)) == len(every) and every.min() >= 0 and every.max() < n else "no partition"


def judge(name: str, root: Path, baseline: str) -> tuple[str, str]:
    """Builds the table; returns the verdict and an example."""
    try:
        with world.within(_LIMIT), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = registry.get(name).build(root)
    except (BadData, NotAvailable) as error:
        return world.refusal(str(error))
    except (world.Hang, Exception) as error:
        return world.fault(error, _LIMIT)
    if odd := implausible(table):
        return "suspect", odd
    same = _mark(table, name) == baseline
    try:
        rows, labels = strictly(name, root)
    except Exception as error:  # whatever the strict reading stumbles over, the loader may have refused as well
        return ("harmless", "") if same else ("suspect", f"the strict reading: {type(error).__name__}: {error}")
    raw = table.facts["rows_raw"]
    if rows >= 0 and raw != rows:
        return "suspect", f"{raw} raw rows, {rows} by the strict reading"
    found = np.sort(np.asarray(table.rows.label))
    if labels is not None and (len(found) != len(labels) or not np.allclose(found, labels, rtol=2e-6, atol=1e-6)):
        return "suspect", f"labels: {len(found)} of sum {found.sum():g}, {labels.sum():g} by the strict reading"
    return ("harmless" if same else "plausible"), ""


def torture(base: Path, times: int, seed: int, *, names: tuple[str, ...] = tuple(ROOTS)) -> list[Row]:
    """So many cases, in turns among the datasets."""
    rng, rows = random.Random(seed), []
    for place, name in enumerate(names):
        root, row = base / name.replace("@", "-"), Row(f"raw files: {name}")
        rows.append(row)
        ROOTS[name](root)
        baseline = _mark(registry.get(name).build(root), name)
        if judge(name, root, baseline)[0] != "harmless":
            raise AssertionError(
                f"the strict reading of {name}'s unchanged files differs: {judge(name, root, baseline)}"
            )
        files = sorted(path for path in root.rglob("*") if path.is_file())
        for _ in range(times // len(names) + (place < times % len(names))):
            path = rng.choice(files)
            zipped, whole = path.suffix == ".gz", path.read_bytes()
            mutation = rng.choice([*change.BYTES, change.packed] if zipped and rng.random() < 0.5 else change.TEXT)
            inner = zipped and mutation in change.TEXT and rng.random() < 0.8
            changed = change.applied(mutation, gzip.decompress(whole) if inner else whole, rng)
            if changed is None:
                continue
            path.write_bytes(gzip.compress(changed, 1, mtime=0) if inner else changed)
            verdict, why = judge(name, root, baseline)
            row.add(verdict, held=verdict in ("refused", "harmless", "plausible"),
                    example=f"{path.name}, {mutation.__name__}: {why}")  # fmt: skip
            path.write_bytes(whole)
    return rows
