"""Seconds and peak memory of preparing a table at full scale. Not a test: `python -m tests.bench_tables twin csv`.

`twin`: synthetic@kuairec-size, 12.5 M rows. `csv`: a made-up big_matrix.csv of as many rows in KuaiRec's format.
Needs about 3 GB in the temporary folder, which TMPDIR moves.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROWS, USERS, VIDEOS = 12_530_806, 7_176, 10_728


def _peak() -> float:
    """GiB that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _load(name: str, root: str, cache: str) -> None:
    """Runs in a process of its own, so that its peak memory is this table's alone."""
    from datasets.cache import load
    from datasets.registry import get

    start = time.perf_counter()
    table = load(get(name), Path(root), Path(cache))
    seconds = time.perf_counter() - start
    facts = {key: table.facts[key] for key in ("rows", "users", "items")}
    vocabulary = {f.name: f.size for f in table.schema.fields}
    print(json.dumps({"seconds": round(seconds, 3), "peak_GiB": round(_peak(), 2), **facts, "vocabulary": vocabulary}))


def _measure(what: str, name: str, root: Path, cache: Path) -> None:
    for state in ("prepare", "open"):
        call = [sys.executable, "-m", "tests.bench_tables", "--load", name, str(root), str(cache)]
        done = subprocess.run(call, check=True, capture_output=True, text=True)
        print(f"{what}, {state}: {done.stdout.strip()}")


def _write_big_matrix(path: Path) -> None:
    """A file like KuaiRec's big_matrix.csv: same columns, types and row count, rows made up."""
    import pyarrow as pa
    from pyarrow import csv

    rng = np.random.default_rng(0)
    path.parent.mkdir(parents=True)
    writer = None
    for start in range(0, ROWS, 1 << 20):
        n = min(1 << 20, ROWS - start)
        play, duration = rng.integers(0, 30_000, n), rng.integers(3_000, 60_000, n)
        stamp = 1593878903.438 + np.round(rng.random(n) * 5e6, 3)
        block = pa.table(
            {
                "user_id": np.sort(rng.integers(0, USERS, n)),
                "video_id": rng.integers(0, VIDEOS, n),
                "play_duration": play,
                "video_duration": duration,
                "time": pa.array(stamp * 1000, pa.float64()).cast(pa.int64(), safe=False).cast(pa.timestamp("ms")),
                "date": 20200705 + rng.integers(0, 27, n),
                "timestamp": stamp,
                "watch_ratio": play / duration,
            }
        )
        writer = writer or csv.CSVWriter(path, block.schema, write_options=csv.WriteOptions(quoting_style="none"))
        writer.write(block)
    assert writer is not None
    writer.close()
    (path.parent / "item_categories.csv").write_text(
        "video_id,feat\n" + "".join(f'{v},"[{v % 31}, {v % 7}]"\n' for v in range(VIDEOS))
    )


def main(what: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root, cache = Path(folder, "data"), Path(folder, "cache")
        if "twin" in what:
            _measure("twin", "synthetic@kuairec-size", root, cache)
        if "csv" in what:
            matrix = root / "KuaiRec 2.0" / "data" / "big_matrix.csv"
            _write_big_matrix(matrix)
            print(f"csv: {matrix.stat().st_size / 2**30:.2f} GiB")
            _measure("csv", "kuairec", root, cache)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--load"]:
        _load(*sys.argv[2:])
    else:
        main(sys.argv[1:] or ["twin", "csv"])
