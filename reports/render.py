"""RESULTS.md from the records folder and the papers' numbers. The same records give the same bytes."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmark.errors import UserError
from reports.board import Board
from reports.cost import costs, environments
from reports.frames import digest, load
from reports.leaderboard import leaderboard, remarks, verdicts
from reports.markdown import NONE, code, number, plain, table
from reports.papers import Paper, papers
from reports.papers import Table as PaperTable
from reports.tables import (
    buckets,
    comparison,
    constants_beside,
    disagreement,
    edges,
    reasons,
    statistics,
    whose_rows,
)

TEMPLATES = Path(__file__).parent / "templates"
_SHOWN = {"ProWTP": {"1", "6", "7", "8"}, "GR": {"2", "7"}}  # tables that have a section of their own
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Block:
    """A paper's table for one dataset, or the reason why it is not there."""

    column: str
    missing: str = ""
    rows: str = ""  # whose rows are compared
    table: str = ""
    lines: tuple[str, ...] = ()


def render(runs: Path, *, stale: Mapping[str, str] = _NOTHING) -> str:
    """RESULTS.md as text. stale: "dataset/method/variant/seed" -> why; these cells are refused and named.

    Raises UserError on a file below `runs` that is not a record."""
    board, found = Board(load(runs), stale), papers()
    prowtp, gr = found["ProWTP"], found["GR"]
    methods = [row.method for row in prowtp.table("8").rows]
    context = {
        "digest": digest(runs),
        "counts": _counts(board),
        "data": _data(board),
        "mixed": _mixed(board),
        "missing": list(_missing(board, found)),
        "prowtp": prowtp,
        "gr": gr,
        "disagreement": disagreement(prowtp, "1", "8"),
        "main": [_block(board, prowtp, "8", column) for column in prowtp.table("8").columns],
        "buckets": _buckets(board, prowtp, methods),
        "statistics": statistics(board, prowtp, "6"),
        "gr_main": [_block(board, gr, "2", column) for column in gr.table("2").columns],
        "gr_large": [_block(board, gr, "7", column, constants=False) for column in gr.table("7").columns],
        "ablations": list(_ablations(board, found)),
        "boards": [(plain(d), leaderboard(board, d), _lines(board, d)) for d in board.datasets],
        "costs": [(plain(d), text) for d in board.datasets if (text := costs(board, d))],
        "environments": environments(board),
        "snippet": (TEMPLATES / "snippet.py.txt").read_text().rstrip(),
    }
    return _templates().get_template("results.md.jinja").render(context)


def write(runs: Path, out: Path, stale: Mapping[str, str] = _NOTHING) -> Path:
    """Render to `out`: whole or not at all. Raises UserError where it cannot be written."""
    text = render(runs, stale=stale)
    scratch = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(out)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise UserError(f"{out} cannot be written ({error.strerror or error}): choose a folder that can") from None
    return out


def _templates() -> Environment:
    # Markdown, not HTML: text from records is escaped by reports.markdown.plain and code
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _counts(board: Board) -> str:
    """How many cells there are, in words."""
    outcomes = Counter(record.outcome for record in board.records if str(record.cell) not in board.stale)
    refused = sum(str(record.cell) in board.stale for record in board.records)
    words = [f"{outcomes['ok']} finished", f"{outcomes['failed']} failed", f"{outcomes['skipped']} skipped"]
    return ", ".join([*words, f"{refused} refused as stale"])


def _data(board: Board) -> str:
    """One row per dataset: what its records say of its data."""
    rows = []
    for dataset in board.datasets:
        facts = board.facts(dataset)
        sizes, label = facts.get("split_sizes", {}), facts.get("label", {})
        unit = str(facts.get("unit", ""))
        protocol: dict[str, Any] = next((r.protocol for r in board.records if r.dataset == dataset), {})
        rows.append(
            [
                plain(dataset),
                plain(str(facts.get("slice", NONE))),
                number(facts.get("rows"), 0),
                " / ".join(number(sizes.get(part), 0) for part in ("train", "valid", "test")),
                number(facts.get("users"), 0),
                number(facts.get("items"), 0),
                " / ".join(number(label.get(name), 2) for name in ("mean", "median", "p99")) + f" {plain(unit)}",
                plain(str(protocol.get("split", NONE))),
                code(str(facts.get("fingerprint", ""))[:12]),
            ]
        )
    head = ["dataset", "data", "rows", "train / valid / test", "users", "items", "label mean / median / p99"]
    return table([*head, "split", "fingerprint"], rows, left=2, last=2) if rows else ""


def _mixed(board: Board) -> list[str]:
    """Datasets whose records do not all come from the same data."""
    found = ((dataset, {r.identity.data for r in board.trusted(dataset)}) for dataset in board.datasets)
    return [plain(dataset) for dataset, states in found if len(states) > 1]


def _missing(board: Board, found: Mapping[str, Paper]) -> Iterator[str]:
    """What the papers report and no record here speaks of, with the reason."""
    for paper in found.values():
        for source in paper.datasets:
            if not board.has(source.ours):
                tables = [t.number for t in paper.tables if source.name in t.columns]
                why = _why_missing(board, source.ours, source.reason)
                yield f"**{source.name}** ({paper.key}, {_tables(tables)}): {why}."
        for printed in paper.tables:
            if printed.reason:
                yield f"**{paper.key}, Table {printed.number}** ({printed.caption}): {printed.reason}."
        absent = [t.number for t in paper.tables if _is_ablation(paper, t) and not any(_ablated(board, paper, t))]
        if absent:
            yield f"**{paper.key}, {_tables(absent)}**: none of the variants that {_they(absent)} has records yet."


def _why_missing(board: Board, dataset: str, reason: str) -> str:
    if board.of(dataset):
        return "its records are stale, failed or skipped; its leaderboard says why"
    return reason


def _lines(board: Board, dataset: str) -> list[str]:
    return [*remarks(board, dataset), *verdicts(board, dataset)] if board.has(dataset) else []


def _tables(numbers: list[str]) -> str:
    return f"Table{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"


def _they(numbers: list[str]) -> str:
    return "they compare" if len(numbers) > 1 else "it compares"


def _block(board: Board, paper: Paper, number_: str, column: str, *, constants: bool = True) -> Block:
    source = paper.source(column)
    assert source is not None, f"{paper.key} describes no dataset {column!r}"
    if not board.has(source.ours):
        return Block(column, missing=_why_missing(board, source.ours, source.reason))
    lines = [constants_beside(board, paper, number_, column)] if constants else []
    return Block(
        column,
        rows=whose_rows(board, paper, column),
        table=comparison(board, paper, number_, column),
        lines=tuple(filter(None, [*lines, *reasons(board, paper, number_, column)])),
    )


def _buckets(board: Board, paper: Paper, methods: list[str]) -> list[dict[str, Any]]:
    found = []
    for column in paper.table("7").columns:
        source = paper.source(column)
        assert source is not None
        has = board.has(source.ours)
        found.append(
            {
                "column": column,
                "missing": "" if has else _why_missing(board, source.ours, source.reason),
                "edges": edges(board, source.ours),
                "tables": buckets(board, paper, "7", column, [*methods, "bucket_median", "boosting"]) if has else [],
            }
        )
    return found


def _is_ablation(paper: Paper, printed: PaperTable) -> bool:
    return printed.number not in _SHOWN[paper.key] and not printed.reason


def _ablated(board: Board, paper: Paper, printed: PaperTable) -> Iterator[str]:
    """The columns of an ablation table for which some row other than its method's default has a number."""
    plain_rows = all(row.variant == "default" for row in printed.rows)
    for column in printed.columns:
        source = paper.source(column)
        rows = [row for row in printed.rows if row.variant != "default" or plain_rows]
        entries = (board.get(source.ours, row.method, row.variant) for row in rows if source)
        if any(entry and entry.ok for entry in entries):
            yield column


def _ablations(board: Board, found: Mapping[str, Paper]) -> Iterator[tuple[str, list[Block]]]:
    for paper in found.values():
        for printed in paper.tables:
            if _is_ablation(paper, printed) and (there := list(_ablated(board, paper, printed))):
                blocks = [_block(board, paper, printed.number, column, constants=False) for column in there]
                yield f"{paper.key}, Table {printed.number}: {printed.caption}", blocks
