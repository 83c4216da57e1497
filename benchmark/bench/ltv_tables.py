"""Rows a second and peak memory of the lifetime-value datasets at full scale.

transactions   30 million made-up rows of Acquire Valued Shoppers, reduced from a plain and from a gzipped file
clicks         a made-up CriteoSearchData of 15,995,634 rows, prepared
twin           synthetic-ltv@criteo-size, prepared

With `--share` all have that share of their rows. Needs up to 9 GB in the temporary folder, which TMPDIR moves.
"""

import binascii
import gzip
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.bench.common import Asked, apart, peak

TRANSACTIONS, CLICKS = 30_000_000, 15_995_634
_CHUNK = 1 << 18


def _write(path: Path, tables: Iterator[Any], *, header: bool, delimiter: str = ",") -> None:
    from pyarrow import csv

    path.parent.mkdir(parents=True)
    writer, options = None, csv.WriteOptions(include_header=header, delimiter=delimiter, quoting_style="none")
    for table in tables:
        writer = writer or csv.CSVWriter(path, table.schema, write_options=options)
        writer.write(table)
    assert writer is not None
    writer.close()


def _transactions(rows: int) -> Iterator[Any]:
    """Customers of about 1,100 rows each, as in the official file; one row in 25 is from the default companies."""
    import pyarrow as pa

    rng = np.random.default_rng(0)
    companies = np.concatenate([[10000, 102840020, 103700030], rng.integers(101_200_010, 1_100_000_000, 72)])
    for start in range(0, rows, _CHUNK):
        n = min(_CHUNK, rows - start)
        customer = np.arange(start, start + n) // 1_122
        day = np.arange(start, start + n) % 1_122 * 500 // 1_122 + 15_401
        yield pa.table(
            {
                "id": 86_246 + 15_000 * customer,
                "chain": rng.integers(1, 500, n),
                "dept": rng.integers(0, 99, n),
                "category": rng.integers(0, 9_999, n),
                "company": companies[rng.integers(0, len(companies), n)],
                "brand": rng.integers(0, 30_000, n),
                "date": pa.array(day.astype(np.int32), pa.date32()),
                "productsize": np.round(rng.random(n) * 60, 1),
                "productmeasure": np.array(["OZ", "CT", "LB", "RL", ""])[rng.integers(0, 5, n)],
                "purchasequantity": rng.integers(1, 5, n),
                "purchaseamount": np.round(rng.lognormal(1, 0.8, n) * rng.choice([1, 1, 1, -1], n), 2),
            }
        )


def _texts(values: np.ndarray, salt: int) -> Any:
    """A 32-digit text for each number."""
    import pyarrow as pa

    mixed = (values.astype(np.uint64) + np.uint64(salt << 40)) * np.uint64(0x9E3779B97F4A7C15)
    both = np.stack([mixed, mixed ^ (mixed >> np.uint64(29))], 1)
    return pa.array(np.frombuffer(binascii.hexlify(both.tobytes()).upper(), "S32")).cast(pa.string())


def _clicks(rows: int) -> Iterator[Any]:
    """Clicks with as many users, and about as many bytes, as the official file."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from datasets.preparing.clicks import NAMES

    rng = np.random.default_rng(0)
    sizes = [8, 6, 400, 5, 30_000, 20, 200, 1_500, 4_000, 4_000, 2_000, 500, 20, 2_000_000, 0, 300, 12_000_000]
    for start in range(0, rows, _CHUNK):
        n = min(_CHUNK, rows - start)
        sale = rng.random(n) < 0.108
        columns: list[Any] = [
            sale.astype(int),
            np.where(sale, np.round(rng.lognormal(4, 1.2, n), 2), -1.0),
            np.where(sale, rng.integers(0, 2_588_699, n), -1),
            np.sort(rng.integers(0, 100_000, n)) + 1_596_439_471 + start // 2,
            np.where(rng.random(n) < 0.24, -1, rng.integers(0, 900, n)),
            np.where(sale, np.round(rng.lognormal(3, 1, n), 2), 0.0),
        ]
        for salt, size in enumerate(sizes):
            if size:
                ids = (size * rng.random(n) ** 2).astype(np.int64) if size < 10_000_000 else rng.integers(0, size, n)
                missing = rng.random(n) < (0.5 if salt < 13 else 0.1)
                columns.append(pc.if_else(pa.array(missing), "-1", _texts(ids, salt)))
            else:  # the title: words that follow from the product
                columns.append(pc.binary_join_element_wise(_texts(ids, 90), _texts(ids, 91), _texts(ids, 92), " "))
        yield pa.table(dict(zip(NAMES, columns, strict=True)))


def _measured(kind: str, path: Path, rows: int) -> dict[str, Any]:
    """Speed, memory and facts of reducing or preparing this."""
    start = time.perf_counter()
    if kind == "transactions":
        from datasets.kaggle import COMPANIES
        from datasets.preparing.transactions import reduce_transactions

        reduced = reduce_transactions(path, COMPANIES)
        assert reduced.transactions == rows
        facts: dict[str, Any] = {"rows": rows, "entries": len(reduced.columns["id"])}
    else:
        from datasets.cache import load
        from datasets.criteo import Criteo
        from datasets.synthetic_ltv import SyntheticLtv

        twin = SyntheticLtv("twin", rows=rows, users=200_000, partners=300, categories=5_000)
        table = load(Criteo() if kind == "clicks" else twin, path, path / "cache")
        vocabulary = {field.name: field.size for field in table.schema.fields}
        facts = {"rows": rows, "users": table.facts["users"], "vocabulary": vocabulary}
    seconds = time.perf_counter() - start
    speed = {"seconds": round(seconds, 1), "rows_per_s": round(rows / seconds), "peak_GiB": round(peak(), 2)}
    speed["cpu_seconds"] = round(time.process_time(), 1)  # what `seconds` would be on an idle machine, imports included
    return speed | facts


def main(asked: Asked) -> None:
    """Make the files and measure; all of them, unless told otherwise."""
    what = asked.parts or ("transactions", "clicks", "twin")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)

        def measure(words: str, kind: str, path: Path, rows: int) -> None:
            asked.say(f"ltv_tables  {words}: {apart(_measured, kind, path, rows)}")

        if "transactions" in what:
            rows, path = int(TRANSACTIONS * asked.share), root / "kaggle" / "transactions.csv"
            _write(path, _transactions(rows), header=True)
            measure(f"transactions, plain, {path.stat().st_size / 2**30:.2f} GiB", "transactions", path, rows)
            packed = path.with_suffix(".csv.gz")
            with path.open("rb") as plain, gzip.open(packed, "wb", compresslevel=1) as out:
                while block := plain.read(1 << 22):
                    out.write(block)
            path.unlink()
            measure(f"transactions, gzipped, {packed.stat().st_size / 2**30:.2f} GiB", "transactions", packed, rows)
            packed.unlink()
        if "clicks" in what:
            rows, path = int(CLICKS * asked.share), root / "Criteo_Conversion_Search" / "CriteoSearchData"
            _write(path, _clicks(rows), header=False, delimiter="\t")
            measure(f"clicks, {path.stat().st_size / 2**30:.2f} GiB", "clicks", root, rows)
            path.unlink()
        if "twin" in what:
            measure("twin", "twin", root, int(CLICKS * asked.share))
