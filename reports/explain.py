"""The story of a number or a page, line by line: records, state today, data, configuration, code and command."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.files.errors import UserError, unknown
from benchmark.plan.expected import Expected, Freshness
from benchmark.records.cell import Cell, grouped
from benchmark.records.record import Record
from benchmark.records.study import is_tuned
from reports.evidence.contest import contest, tied
from reports.markup.text import number as number_
from reports.model.aside import aside
from reports.model.board import Board, Result
from reports.model.folder import digest, resampled
from reports.model.metrics import METRICS, digits
from reports.model.summary import plus_minus, summarise

_FORM = "a number is DATASET/METHOD[/VARIANT][/METRIC][/SLICE]; a page is RESULTS.md"


@dataclass(frozen=True)
class Today:
    """The records, of a number its dataset's, and what each is worth today."""

    records: Sequence[Record]
    expected: Expected
    standings: Mapping[Cell, Freshness]
    runs: Path

    def board(self, asked: "Wanted") -> Board:
        """The leaderboards' where they rank the variant; else one of all variants, what searches chose among them where
        it is such a one."""
        whole = Board(self.records, self.stale, resampled(self.runs, asked.dataset))
        if is_tuned(asked.variant):
            return whole
        return whole.untuned if (asked.method, asked.variant) in aside() else whole.ranked

    @property
    def stale(self) -> dict[str, str]:
        return {str(cell): standing.why for cell, standing in self.standings.items() if standing.state == "stale"}


@dataclass(frozen=True)
class Wanted:
    """The number that is asked for; an empty metric is all of them, an empty part all test rows."""

    dataset: str
    method: str
    variant: str
    metric: str = ""
    part: str = ""


def parse(what: str, records: Iterable[Record]) -> Wanted:
    """ "DATASET/METHOD/mae", "DATASET/METHOD/VARIANT/rmse/bucket=0" as a number that has records.

    Raises UserError with the nearest name for one that is not there."""
    dataset, method, *rest = [*what.strip("/").split("/"), ""]
    records = list(records)
    if not records:
        raise UserError(
            "there are no records to explain: run `python -m benchmark run`, or pass their folder with --runs"
        )
    if dataset not in (known := {r.dataset for r in records}):
        raise unknown("dataset", dataset, known, f"They have records; {_FORM}.")
    records = [r for r in records if r.dataset == dataset]
    if method not in (known := {r.method for r in records}):
        raise unknown("method", method, known, f"They have records on {dataset}; {_FORM}.")
    records = [r for r in records if r.method == method]
    variants = {r.variant for r in records}
    metrics = {name for r in records for name in r.metrics.get("test", {})}
    parts = {name for r in records for name in r.slices}
    found = {"variant": "default" if "default" in variants else min(variants)}
    for word in filter(None, rest):
        for kind, names in (("variant", variants), ("metric", metrics), ("part", parts)):
            if (name := word.lower() if kind == "metric" else word) in names:
                found[kind] = name
                break
        else:
            known = variants | metrics | parts
            raise unknown("variant, metric or slice", word, known, f"{dataset}/{method} has these; {_FORM}.")
    return Wanted(dataset, method, **found)


def number(asked: Wanted, today: Today) -> Iterator[str]:
    """The story of a number, line by line."""
    board = today.board(asked)
    result = board.get(asked.dataset, asked.method, asked.variant)
    records = [
        r for r in today.records if (r.dataset, r.method, r.variant) == (asked.dataset, asked.method, asked.variant)
    ]
    assert result is not None and records
    title = result.title if asked.variant == "default" else f"{result.title}, variant {asked.variant}"
    yield f"{asked.dataset}: {title}{f', test rows of the slice {asked.part}' if asked.part else ', all test rows'}"
    yield from _values(asked, result, records)
    yield from _noise(asked, result, board)
    yield ""
    yield from _seeds(asked, records, today)
    groups: dict[Any, list[Record]] = {}
    for record in records:
        i = record.identity
        groups.setdefault((i.code, i.config, i.data, i.environment.get("commit"), record.command), []).append(record)
    for same in groups.values():
        yield ""
        if len(groups) > 1:
            yield f"seed{'s' if len(same) > 1 else ''} {', '.join(str(r.seed) for r in same)}"
        yield from _origin(same[-1], today)


def _values(asked: Wanted, result: Result, records: Sequence[Record]) -> Iterator[str]:
    """The metrics as the pages show them; where every record is refused, what they would have been."""
    unit = _unit(records)
    names = (
        [asked.metric] if asked.metric else sorted({n for r in records for n in r.metrics.get("test", {})} - {"rows"})
    )
    for name in names:
        places = digits(name, unit)
        if summary := result.metric(name, asked.part):
            seeds = f"mean ± standard deviation over {summary.n} seeds" if summary.n > 1 else "one record"
            yield f"  {name:<18} {plus_minus(summary, places):<20} {seeds}"
        elif refused := summarise(_value(r, name, asked.part) for r in records):
            yield f"  {name:<18} not on the board; its refused records say {plus_minus(refused, places)}"
        else:
            yield f"  {name:<18} no value"


def _noise(asked: Wanted, result: Result, board: Board) -> Iterator[str]:
    """Says what resampling the test rows tells of one metric."""
    if (known := METRICS.get(asked.metric)) is None or known.better is None:
        return
    tested = contest(board, asked.dataset, asked.metric, asked.part)
    if tested and result in tested.places:
        low, high = (number_(v, digits(asked.metric, _unit(result.ok))) for v in tested.mean(result).interval)
        yield f"  {'':<18} 95 % interval over {tested.noise.drawn} and seeds: {low} to {high}"
        yield f"  {'':<18} rank {tied(tested, result)} of {len(tested.results)}, ties within noise"


def _unit(records: Sequence[Record]) -> str:
    return str(next((r.facts["unit"] for r in records if "unit" in r.facts), "s"))


def _value(record: Record, metric: str, part: str) -> float | None:
    return (record.slices.get(part, {}) if part else record.metrics.get("test", {})).get(metric)


def _seeds(asked: Wanted, records: Sequence[Record], today: Today) -> Iterator[str]:
    """One line per record: its value where one metric is asked for, its state today, its file."""
    for record in records:
        standing = today.standings[record.cell]
        value = _value(record, asked.metric, asked.part)
        shown = f"{value:<14.8g} " if value is not None else ""
        yield f"  seed {record.seed:<4} {shown}{standing.state:<8} {today.runs / record.cell.path}"
    for why in dict.fromkeys(s.why for r in records if (s := today.standings[r.cell]).why):
        yield f"  {why}"


def _origin(record: Record, today: Today) -> Iterator[str]:
    """Command, data, protocol, configuration, code and environment of a record, with what moved since."""
    identity = record.identity
    commit = identity.environment.get("commit")
    yield f"command      {record.command or 'not recorded'}"
    yield f"finished     {record.finished or 'not recorded'}" + (f", at commit {commit}" if commit else "")
    yield f"data         {_data(record)}"
    yield f"             fingerprint {identity.data or 'not recorded'}: {_data_today(record, today)}"
    yield f"protocol     {_fields(record.protocol)}"
    yield f"config       {identity.config}: {_fields(record.config)}"
    yield f"code         {identity.code}: the method's import closure"
    now = today.expected.files(record.method) if record.method in today.expected.methods else {}
    for name in sorted(identity.files.keys() | now.keys()):
        then, here = identity.files.get(name), now.get(name)
        moved = "same" if then == here else f"moved, now {here}" if then and here else "gone" if then else "new"
        yield f"             {name:<32} {then or here} {moved}"
    yield f"environment  {_fields({k: v for k, v in identity.environment.items() if k != 'commit'})}"


def _data(record: Record) -> str:
    facts = record.facts
    words = [str(facts.get("slice", "not described"))]
    words += [f"{facts['rows']:,} rows"] if "rows" in facts else []
    words += [f"{part} {count:,}" for part, count in facts.get("split_sizes", {}).items()]
    return ", ".join(words)


def _data_today(record: Record, today: Today) -> str:
    here = today.expected.fingerprints.get(record.dataset)
    if here is None:
        return "not checked, the data are not at hand; pass --data FOLDER"
    return "same today" if here == record.identity.data else f"moved, now {here}"


def _fields(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(values.items())) or "nothing"


# --- a page


def page(path: Path, today: Today) -> Iterator[str]:
    """Whether a page is what the records give today, and the cells behind it. Raises UserError on another file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}): `python -m benchmark report` writes RESULTS.md") from None
    found = re.search(r"<!-- records sha256:([0-9a-f]{64}) -->", text)
    if found is None:
        raise UserError(f"{path} carries no digest of records: `python -m benchmark report` writes a page that does")
    here = digest(today.runs)
    yield f"{path} was made from the records with sha256 {found[1]}"
    if found[1] == here:
        yield f"they are the {len(today.records)} records in {today.runs} today"
        yield _same_text(path, text, today)
    else:
        yield f"NOT those in {today.runs} today, whose sha256 is {here}: run `python -m benchmark report`"
    yield ""
    for group in grouped(record.cell for record in today.records):
        states = Counter(today.standings[cell] for cell in group.cells)
        for standing, count in states.items():
            yield f"  {group!s:<44} {count} {standing.state}" + (f": {standing.why}" if standing.why else "")
    total = Counter(standing.state for standing in today.standings.values())
    yield f"{len(today.records)} cell{'s' * (len(today.records) != 1)}: " + ", ".join(
        f"{count} {state}" for state, count in sorted(total.items())
    )


def _same_text(path: Path, text: str, today: Today) -> str:
    """Whether rendering the records again gives the page's text."""
    from reports.render import forms, gather, places

    known = forms(gather(today.runs, today.stale), places(today.runs))
    make = next((make for where, make in known.items() if where.resolve() == path.resolve()), None)
    if make is None:
        return "but no page of this name is made from them any more; run `python -m benchmark report`"
    lines, again = text.splitlines(), make().splitlines()
    if lines == again:
        return "and its text is what they give today"
    place = next((i for i, (a, b) in enumerate(zip(lines, again, strict=False)) if a != b), min(len(lines), len(again)))
    return (
        f"but its text is NOT what they give today, from line {place + 1} on: it was edited by hand, cells became "
        "stale, or the reports' own code moved; run `python -m benchmark report`"
    )
