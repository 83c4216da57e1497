"""The papers' tables in the papers' form: ours, the printed number, the difference."""

from collections.abc import Sequence

from reports.evidence.reproduced import words as verdict_words
from reports.evidence.stats import best_two, percent
from reports.markup.markdown import NONE, Sheet, marked, number, plain, sentence_list, short, signed, table
from reports.model.board import Board, Entry
from reports.model.cost import PER_BATCH, per_batch, together
from reports.model.metrics import digits
from reports.model.papers import Paper, Printed, Table
from reports.model.summary import plus_minus

TITLES = {
    "rmse": "RMSE ↓", "mae": "MAE ↓", "xauc": "XAUC ↑", "xgauc": "XGAUC ↑", "spearman": "Spearman ↑",
    "improvement": "XAUC improv.", **PER_BATCH,
}  # fmt: skip


def comparison(board: Board, paper: Paper, number_: str, column: str) -> Sheet:
    """A table's rows for one of its datasets, with our records beside them."""
    printed = paper.table(number_)
    source = paper.source(column)
    dataset = source.ours if source else ""
    unit = str(board.facts(dataset).get("unit", "s"))
    entries = [board.get(dataset, row.method, row.variant) for row in printed.rows]
    sized = any(row.parameters for row in printed.rows)
    head: list[str] = ["method"]
    columns: list[list[str]] = []
    if any(e and e.few for e in entries):
        head.append("seeds")
        columns.append([seeds(e) for e in entries])
    if sized:
        head += ["parameters", paper.key]
        columns += [[_millions(e) for e in entries], [row.parameters or NONE for row in printed.rows]]
    for place, metric in enumerate(printed.metrics):
        theirs = [printed.printed(row, column).get(metric) for row in printed.rows]
        if metric == "improvement":
            head += [TITLES[metric], paper.key]
            columns += [_improvements(entries), [t.text if t else NONE for t in theirs]]
            continue
        if metric in PER_BATCH:
            head += [TITLES[metric], paper.key, f"× {plain(printed.rows[0].name)}: ours / {paper.key}"]
            columns += _seconds(entries, theirs, metric)
            continue
        width = 3 if column in printed.columns else 2  # no difference from numbers of another dataset
        head += [TITLES.get(metric, metric), paper.key, "Δ"][:width]
        columns += _metric(printed, entries, theirs, metric, unit, first=place == 0)[:width]
    if set(PER_BATCH) & set(printed.metrics):
        head.append("replicas together")
        columns.append([together(e) for e in entries])
    head.append("verdict")
    columns.append([verdict_words(board, paper, printed, row, column) for row in printed.rows])
    rows = [[plain(row.name), *(c[i] for c in columns)] for i, row in enumerate(printed.rows)]
    return table(head, rows, last=1)


def _metric(
    printed: Table,
    entries: Sequence[Entry | None],
    theirs: Sequence[Printed | None],
    metric: str,
    unit: str,
    *,
    first: bool,
) -> list[list[str]]:
    """Three columns: ours (best bold, second underlined), the paper's, the difference in the paper's decimals."""
    parts = [row.slice for row in printed.rows]
    found = [e.metric(metric, part) if e else None for e, part in zip(entries, parts, strict=True)]
    best, second = best_two(
        [s.mean if s else None for s in found], low=metric in ("mae", "rmse"), digits=digits(metric, unit)
    )
    ours, differences = [], []
    for place, (entry, summary, their) in enumerate(zip(entries, found, theirs, strict=True)):
        if summary is None:
            ours.append(state(entry) if first else NONE)
        else:
            ours.append(marked(plus_minus(summary, digits(metric, unit)), place, best, second))
        differences.append(signed(summary.mean - their.value, their.digits) if summary and their else NONE)
    return [ours, [t.text.replace("±", " ± ") if t else NONE for t in theirs], differences]


def seeds(entry: Entry | None) -> str:
    """How many seeds stand behind a row."""
    return str(entry.seeds) if entry and entry.seeds else NONE


def state(entry: Entry | None) -> str:
    """Why a row has no number, in a word or two."""
    return entry.state if entry and not entry.ok else "not run"


def _seconds(entries: Sequence[Entry | None], theirs: Sequence[Printed | None], metric: str) -> list[list[str]]:
    """Three columns: our seconds, the paper's, and how many times the first row's each is, here and there."""
    ours = [per_batch(e, metric) if e else None for e in entries]
    printed = [t.value if t else None for t in theirs]
    times = [f"{_times(o, ours[0])} / {_times(t, printed[0])}" for o, t in zip(ours, printed, strict=True)]
    texts = [short(o) if e and e.ok else state(e) for o, e in zip(ours, entries, strict=True)]
    return [texts, [t.text if t else NONE for t in theirs], times]


def _times(value: float | None, base: float | None) -> str:
    return NONE if value is None or not base else f"{value / base:.1f}"


def _improvements(entries: Sequence[Entry | None]) -> list[str]:
    """XAUC relative to the first row's, as GR's Table 2 prints it."""
    values = [e.mean("xauc") if e else None for e in entries]
    base = values[0]
    return [
        NONE if v is None or base is None or place == 0 else signed(percent(v, base), 2, " %")
        for place, v in enumerate(values)
    ]


def _millions(entry: Entry | None) -> str:
    count = entry.cost("parameters") if entry else None
    return NONE if count is None else f"{count / 1e6:.2f}M"


def with_numbers(board: Board, dataset: str, printed: Table) -> dict[str, Entry]:
    """The entries of a table's rows that have numbers, by the rows' names."""
    return {row.name: e for row in printed.rows if (e := board.numbers(dataset, row.method, row.variant))}


def reasons(board: Board, paper: Paper, number_: str, column: str) -> list[str]:
    """Why rows of the comparison have no number or fewer seeds: one line per row that has something to say."""
    source = paper.source(column)
    lines = []
    for row in paper.table(number_).rows:
        entry = board.get(source.ours if source else "", row.method, row.variant)
        if entry and entry.remarks:
            lines.append(f"{plain(row.name)}: {entry.remarks}.")
    return lines


def whose_rows(board: Board, paper: Paper, number_: str, column: str) -> str:
    """Which rows are behind our numbers and which behind the paper's."""
    source, printed = paper.source(column), paper.table(number_)
    first = paper.source(printed.columns[0]) if column in printed.elsewhere else None
    size = f"{first.name}, {first.size}" if first else source.size if source else ""
    theirs = f" The paper: {size}." if size else ""
    return f"Ours: {whose(board, source.ours if source else '')}.{theirs}"


def whose(board: Board, dataset: str) -> str:
    """The rows behind our numbers on a dataset."""
    facts = board.facts(dataset)
    count = f", {facts['rows']:,} rows" if "rows" in facts else ""
    return f"{plain(str(facts.get('slice', 'not said')))}{count}"


def constants_beside(board: Board, paper: Paper, number_: str, column: str) -> str:
    """How many of a table's printed errors the best label-only constant on our rows stays below."""
    printed, source = paper.table(number_), paper.source(column)
    dataset = source.ours if source else ""
    unit = str(board.facts(dataset).get("unit", "s"))
    found = []
    for metric in ("mae", "rmse"):
        best = board.best(dataset, metric, label_only=True)
        value = best.mean(metric) if best else None
        theirs = [p.value for row in printed.rows if (p := printed.printed(row, column).get(metric))]
        if best is None or value is None or not theirs:
            continue
        above = sum(v > value for v in theirs)
        text = f"{best.label} has {metric.upper()} {number(value, digits(metric, unit))}"
        found.append(f"{text} (below {above} of the {len(theirs)} that {paper.key} prints)")
    return f"Label-only constants on our rows: {sentence_list(found)}." if found else ""


def buckets(board: Board, paper: Paper, number_: str, column: str, methods: Sequence[str]) -> list[Sheet]:
    """ProWTP's Table 7 turned round: one table per metric, a row per method, a column per duration bucket."""
    printed, source = paper.table(number_), paper.source(column)
    dataset = source.ours if source else ""
    unit = str(board.facts(dataset).get("unit", "s"))
    entries = [e for method in methods if (e := board.numbers(dataset, method))]
    parts = [row.slice for row in printed.rows]
    tables = []
    for metric in printed.metrics:
        columns = []
        for part in parts:
            values = [e.mean(metric, part) for e in entries]
            best, second = best_two(values, low=metric in ("mae", "rmse"), digits=digits(metric, unit))
            texts = [plus_minus(e.metric(metric, part), digits(metric, unit)) for e in entries]
            columns.append([marked(text, place, best, second) for place, text in enumerate(texts)])
        rows = [[e.label, *(c[i] for c in columns)] for i, e in enumerate(entries)]
        theirs = [printed.printed(row, column).get(metric) for row in printed.rows]
        rows.append([f"{paper.key} as printed", *(t.text if t else NONE for t in theirs)])
        tables.append(table([TITLES[metric], *(f"bucket {row.name}" for row in printed.rows)], rows))
    return tables


def edges(board: Board, dataset: str) -> str:
    """The duration buckets in words, from the facts; empty where they do not say."""
    found = board.facts(dataset).get("bucket_edges")
    return f"Bucket edges: {', '.join(f'{edge:g}' for edge in found)} s." if found else ""


def statistics(board: Board, paper: Paper, number_: str) -> Sheet:
    """ProWTP's Table 6: the paper's counts and those of the data behind our records."""
    printed = paper.table(number_)
    rows = []
    for row in printed.rows:
        source = paper.source(row.name)
        dataset = source.ours if source else ""
        theirs, facts = printed.printed(row, ""), board.facts(dataset)
        ours = {**facts, "buckets": len(facts["bucket_edges"]) + 1 if "bucket_edges" in facts else None}
        cells = [f"{theirs[m].text} / {_count(ours.get(m))}" for m in printed.metrics]
        about = plain(str(facts.get("slice", ""))) if facts else f"not run: {plain(source.reason)}" if source else NONE
        rows.append([row.name, *cells, about or NONE])
    return table(["paper / ours", "users", "videos", "interactions", "duration buckets", "our data"], rows, last=1)


def _count(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else NONE


def disagreement(paper: Paper, one: str, two: str) -> str:
    """Where two tables of a paper print the same cell differently, beyond rounding."""
    first, second = paper.table(one), paper.table(two)
    gaps, cells = [], 0
    for row in first.rows:
        other = next((r for r in second.rows if (r.method, r.variant) == (row.method, row.variant)), None)
        for column in first.columns:
            for metric, a in first.printed(row, column).items():
                b = second.printed(other, column).get(metric) if other else None
                if b is None:
                    continue
                cells += 1
                if abs(a.value - b.value) > 0.51 * 10**-a.digits:
                    gaps.append(
                        (abs(a.value - b.value) / a.value, f"{row.name}, {column}, {metric.upper()}: {a.text}", b.text)
                    )
    if not gaps:
        return ""
    _, where, other_text = max(gaps)
    return (
        f"Tables {one} and {two} print {len(gaps)} of {cells} shared numbers differently, "
        f"at most {where} in one and {other_text} in the other."
    )
