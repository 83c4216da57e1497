"""What there is behind the pages, and what is missing of what the papers report."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from reports.markup.markdown import NONE, Sheet, code, number, plain, sentence_list, table
from reports.model.board import Board
from reports.model.papers import Paper
from reports.model.papers import Table as PaperTable
from reports.model.studies import studies
from reports.sections.tweaks import METHODS, TWEAKS

SHOWN = {"ProWTP": {"1", "6", "7", "8"}, "GR": {"2", "6", "7"}}  # tables that have a section of their own
READINGS = frozenset({"default", "paper", "code"})  # variants that stand for the whole method


def counts(board: Board) -> str:
    """How many cells there are, in words."""
    outcomes = Counter(record.outcome for record in board.records if str(record.cell) not in board.stale)
    refused = sum(str(record.cell) in board.stale for record in board.records)
    words = [f"{outcomes['ok']} finished", f"{outcomes['failed']} failed", f"{outcomes['skipped']} skipped"]
    return ", ".join([*words, f"{refused} refused as stale"])


def data(board: Board) -> Sheet | None:
    """One row per dataset: what its records say of its data; None where there is none."""
    rows = []
    for dataset in board.datasets:
        facts = board.facts(dataset)
        sizes, label = facts.get("split_sizes", {}), facts.get("label", {})
        unit = f" {plain(facts['unit'])}" if "unit" in facts else ""
        protocol: dict[str, Any] = next((r.protocol for r in board.records if r.dataset == dataset), {})
        rows.append(
            [
                plain(dataset),
                plain(str(facts.get("slice", NONE))),
                number(facts.get("rows"), 0),
                " / ".join(number(sizes.get(part), 0) for part in ("train", "valid", "test")),
                number(facts.get("users"), 0),
                number(facts.get("items"), 0),
                " / ".join(number(label.get(name), 2) for name in ("mean", "median", "p99")) + unit,
                plain(str(protocol.get("split", NONE))),
                code(str(facts.get("fingerprint", ""))[:12]),
            ]
        )
    head = ["dataset", "data", "rows", "train / valid / test", "users", "items", "label mean / median / p99"]
    return table([*head, "split", "fingerprint"], rows, left=2, last=2) if rows else None


def mixed(board: Board) -> list[str]:
    """Datasets whose records do not all come from the same data."""
    found = ((dataset, {r.identity.data for r in board.trusted(dataset)}) for dataset in board.datasets)
    return [plain(dataset) for dataset, states in found if len(states) > 1]


def missing(board: Board, found: Mapping[str, Paper], beside: Mapping[str, Collection[str]]) -> Iterator[str]:
    """What the papers report and no record here speaks of, with the reason. beside: by paper, the keys of the studies
    that are shown."""
    for paper in found.values():
        for source in paper.datasets:
            tables = [t.number for t in paper.tables if source.name in t.columns]
            if tables and not board.has(source.ours):
                why = why_missing(board, source.ours, source.reason)
                yield f"**{source.name}** ({paper.key}, {_tables(tables)}): {why}."
        for printed in paper.tables:
            if printed.reason:
                yield f"**{paper.key}, Table {printed.number}** ({printed.caption}): {printed.reason}."
        absent = [t.number for t in paper.tables if is_ablation(paper, t) and not any(ablated(board, paper, t))]
        if absent:
            yield f"**{paper.key}, {_tables(absent)}**: none of the variants that {_they(absent)} has records yet."
        lacking = [plain(s.title.partition(":")[0]) for s in studies(paper) if s.key not in beside[paper.key]]
        if lacking:
            why = "most of the records that they need are not there yet"
            yield f"**{paper.key}, beside its tables** ({'; '.join(lacking)}): {why}."


def in_tables(found: Mapping[str, Paper]) -> frozenset[tuple[str, str]]:
    """Method and variant of each row of an ablation, a sweep or a change of size: tables of their own show these, so
    that a leaderboard holds what somebody would choose between."""
    rows = [(row.method, row.variant) for paper in found.values() for printed in paper.tables for row in printed.rows]
    rows += [
        (row.method or study.method, row.variant)
        for paper in found.values()
        for study in studies(paper)
        for row in study.rows
    ]
    rows += [(method, tweak.variant) for tweak in TWEAKS for method in METHODS]
    return frozenset((method, variant) for method, variant in rows if variant not in READINGS)


def elsewhere(front: Board, whole: Board, dataset: str) -> Iterator[str]:
    """How many variants of each method a leaderboard leaves to other tables, and to the costs, which have them all."""
    titles = Counter(e.title for e in whole.of(dataset) if front.get(*e.key) is None)
    if titles:
        counted = sentence_list([f"{count} of {plain(title)}" for title, count in sorted(titles.items())])
        yield f"Left to the tables of ablations and sweeps, and to the costs: {counted}."


def why_missing(board: Board, dataset: str, reason: str) -> str:
    """The given reason, unless there are records that count for nothing."""
    if board.of(dataset):
        return "its records are stale, failed or skipped; its leaderboard says why"
    return reason


def _tables(numbers: list[str]) -> str:
    return f"Table{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"


def _they(numbers: list[str]) -> str:
    return "they compare" if len(numbers) > 1 else "it compares"


def is_ablation(paper: Paper, printed: PaperTable) -> bool:
    """Whether a table has no section of its own and could be had here."""
    return printed.number not in SHOWN[paper.key] and not printed.reason


def ablated(board: Board, paper: Paper, printed: PaperTable) -> Iterator[str]:
    """The columns of an ablation table for which some row other than its method's default has a number."""
    plain_rows = all(row.variant == "default" for row in printed.rows)
    for column in printed.shown:
        source = paper.source(column)
        rows = [row for row in printed.rows if row.variant != "default" or plain_rows]
        entries = (board.get(source.ours, row.method, row.variant) for row in rows if source)
        if any(entry and entry.ok for entry in entries):
            yield column
