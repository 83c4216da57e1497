"""The records as one tidy table: a row for each cell, a column for each number, for a notebook.

`cells.parquet` and `cells.csv` hold the same; `cells.md` says what each column is.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from benchmark.files.errors import UserError
from benchmark.records.estimand import Estimands, estimand
from benchmark.records.record import Record
from reports.markup.markdown import table as as_markdown
from reports.markup.sheet import safe
from reports.markup.table import Entry, Table, text_column
from reports.markup.text import code, plain
from reports.model.board import Board
from reports.model.methods import kind_of

if TYPE_CHECKING:
    import pandas as pd

_NAMES = {
    "dataset": "the dataset with its protocol",
    "method": "the method's name in the code",
    "title": "the method's name on the pages",
    "kind": "constant, oracle, trees, network or other",
    "estimates": "mean or median, by the method's own word; empty for neither, or where it says nothing",
    "variant": "default, or the variant's name",
    "seed": "of initialisation, batches and draws",
    "outcome": "ok, failed or skipped",
    "stale": "why the leaderboards refuse the record; empty where they do not",
    "error": "why it failed or was skipped",
    "unit": "of the label, so of mae and rmse",
}
_COSTS = {
    "seconds": "fit, training and evaluation, a seed's share of its group, s",
    "train_rows_per_second": "training rows a second, a seed's share",
    "parameters": "trained numbers",
    "peak_memory_mb": "of the worker or the device, the whole group, MB",
    "predict_seconds_per_million_rows": "prediction, s for a million rows",
    "device": "what it ran on",
    "replicas": "seeds that trained together",
}
_ENDS = {
    "best_epoch": "the epoch that was kept, counted from 1; 0 where nothing is trained",
    "code": "hash of the method's import closure",
    "config_hash": "hash of the configuration and the protocol",
    "data": "fingerprint of the prepared table",
    "commit": "of the code that made the record",
    "finished": "UTC",
    "command": "that made it",
}


def frame(
    records: Iterable[Record], stale: Sequence[str] | dict[str, str] = (), known: Estimands = MappingProxyType({})
) -> "pd.DataFrame":
    """One row per cell: names, `test_*` and `valid_*` metrics, `config_*`, `protocol_*`, `cost_*` and where it comes
    from; nothing where a record has none. stale: "dataset/method/variant/seed" -> why. known: what methods
    estimate."""
    import pandas as pd

    why = stale if isinstance(stale, dict) else dict.fromkeys(stale, "stale")
    every = list(records)
    by = {m: tuple(r for r in every if r.method == m) for m in {r.method for r in every}}
    kinds = {method: kind_of(method, found) for method, found in by.items()}
    frame = pd.DataFrame([_row(record, why, kinds[record.method], estimand(record, known)[0]) for record in every])
    if frame.empty:
        return frame
    groups = ("test_", "valid_", "config_", "protocol_", "cost_")
    names = [str(name) for name in frame.columns]
    inner = sorted((c for c in names if c.startswith(groups) and c not in _ENDS), key=lambda c: _place(c, groups))
    found = frame[[*_NAMES, *inner, *(c for c in _ENDS if c in names)]]
    numbers = [c for c in inner if c.startswith(("test_", "valid_"))]
    return found.astype(dict.fromkeys(numbers, float))


def _place(column: str, groups: Sequence[str]) -> tuple[int, str]:
    return next(place for place, group in enumerate(groups) if column.startswith(group)), column


def _row(r: Record, stale: dict[str, str], kind: str, estimates: str) -> dict[str, Any]:
    names = {name: getattr(r, name) for name in ("dataset", "method", "title", "variant", "seed", "outcome", "error")}
    names |= {
        "kind": kind,
        "estimates": estimates,
        "stale": stale.get(str(r.cell), ""),
        "unit": str(r.facts.get("unit", "s")),
    }
    metrics = {f"{part}_{key}": value for part, found in r.metrics.items() for key, value in found.items()}
    config = {f"config_{key}": _flat(value) for key, value in r.config.items()}
    protocol = {f"protocol_{key}": _flat(value) for key, value in r.protocol.items()}
    cost = {} if r.cost is None else {f"cost_{key}": value for key, value in msgspec.structs.asdict(r.cost).items()}
    ends = {
        "best_epoch": r.curve.best_epoch if r.curve else None,
        "code": r.identity.code,
        "config_hash": r.identity.config,
        "data": r.identity.data,
        "commit": r.identity.environment.get("commit", ""),
        "finished": r.finished,
        "command": r.command,
    }
    return names | metrics | config | protocol | cost | ends


def _flat(value: object) -> str:
    """A setting as text: settings of one name are numbers of one method and words of another."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def write(board: Board, folder: Path) -> list[Path]:
    """Write `cells.parquet`, `cells.csv` and `cells.md`; returns their paths. Raises UserError where it cannot."""
    found = frame(board.records, board.stale, board.folder.estimands)
    parquet, sheet, schema = (folder / f"cells.{suffix}" for suffix in ("parquet", "csv", "md"))
    texts = found.select_dtypes(include=["object", "string"]).columns
    neutral = found.assign(**{name: found[name].map(lambda v: safe(v) if isinstance(v, str) else v) for name in texts})
    try:
        found.to_parquet(parquet, index=False)
        neutral.to_csv(sheet, index=False, lineterminator="\n")
        schema.write_text(described(found), encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written ({error.strerror or error}): choose another for --export"
        ) from None
    return [parquet, sheet, schema]


def described(found: "pd.DataFrame") -> str:
    """The schema page: every column with its type, how many cells have it, and what it is."""
    rows = tuple(
        (
            Entry(text=code(name)),
            Entry(text=plain(str(found[name].dtype))),
            Entry(text=f"{int(found[name].notna().sum()):,}"),
            Entry(text=plain(_says(name))),
        )
        for name in map(str, found.columns)
    )
    columns = (
        text_column("column", "column"),
        text_column("type", "type"),
        text_column("cells", "cells"),
        text_column("says", "what it is"),
    )
    return (
        "# cells\n\n"
        f"One row for each of {len(found):,} cells: a dataset, a method's variant and a seed. Settings are text as "
        "JSON writes them.\n\n" + as_markdown(Table("cells", "", columns, rows)) + "\n"
    )


def _says(name: str) -> str:
    for prefix, says in (("test_", "on the test rows"), ("valid_", "on the validation rows")):
        if name.startswith(prefix):
            return f"{name.removeprefix(prefix)} {says}"
    if name in _ENDS or name in _NAMES:
        return (_NAMES | _ENDS)[name]
    if name.startswith("cost_"):
        return _COSTS.get(name.removeprefix("cost_"), "")
    return f"the method's {name.removeprefix('config_')}" if name.startswith("config_") else "of the dataset's protocol"
