"""A paper's table in the paper's form: ours, the printed number, the difference."""

from collections.abc import Iterator, Sequence

from reports.evidence import learned
from reports.evidence.printed import verdict
from reports.evidence.stats import percent
from reports.markup.document import Part, Section, slug
from reports.markup.table import Column, Entry, Table, by_columns, marked, text_column
from reports.markup.text import NONE, number, plain, sentence_list
from reports.model.board import Board, Result
from reports.model.cost import PER_BATCH, per_batch, together
from reports.model.front import front
from reports.model.metrics import ERRORS, METRICS, digits
from reports.model.papers import Paper, PaperTable, Printed
from reports.model.rows import why_missing
from reports.sections.paper import ablation

_IMPROVEMENT = "improvement"  # of XAUC, relative to the first row's
Columns = list[tuple[Column, Sequence[Entry]]]


def section(board: Board, paper: Paper, printed: PaperTable) -> Section | None:
    """A part for each dataset; of a table of variants those alone for which one of them has a number."""
    shown = list(ablation.there(board, paper, printed)) if printed.ablation else printed.shown
    parts = tuple(_part(board, paper, printed, column) for column in shown)
    if not any(part.tables for part in parts):
        return None
    numbers = f"Tables {printed.also} and {printed.number}" if printed.also else f"Table {printed.number}"
    about = [" ".join(printed.about.split())]
    about += [disagreement(paper, printed.also, printed.number)] if printed.also else []
    title = f"{numbers}: {printed.caption}"
    return Section(f"table-{printed.number}", title, tuple(filter(None, about)), parts)


def _part(board: Board, paper: Paper, printed: PaperTable, column: str) -> Part:
    source = paper.source(column)
    assert source is not None, f"{paper.key} describes no dataset {column!r}"
    if not board.has(source.ours):
        return Part(plain(column), missing=why_missing(board, source.ours, source.reason))
    lines: list[str] = []
    if printed.constants and column in printed.columns:
        lines += constants_beside(board, paper, printed, column)
    lines += verdict.below(board, paper, printed, column)
    lines += ablation.lines(board, paper, printed, column) if printed.ablation else []
    lines += learned.lines(board, source.ours, with_numbers(board, source.ours, printed))
    lines += reasons(board, paper, printed, column)
    if (leader := front().leader(source.ours)) and board.has(leader):
        there = f"[its board](@{slug('board', source.ours)})"
        lines.append(f"The headline of these rows is {plain(leader)}; {there} says what this label can show.")
    about = whose_rows(board, paper, printed, column)
    return Part(plain(column), about=about, tables=(table(board, paper, printed, column),), lines=tuple(lines))


def table(board: Board, paper: Paper, printed: PaperTable, column: str) -> Table:
    """The table's rows for one of its datasets, with our records beside them."""
    source = paper.source(column)
    dataset = source.ours if source else ""
    results = [board.get(dataset, row.method, row.variant) for row in printed.rows]
    columns: Columns = [(text_column("method", "method"), [Entry(text=plain(row.name)) for row in printed.rows])]
    if any(e and e.few for e in results):
        columns.append((Column("seeds", "seeds", digits=0), [seeds(e) for e in results]))
    if any(row.parameters for row in printed.rows):
        columns.append((Column("parameters", "parameters", digits=0), [_millions(e) for e in results]))
        theirs = [Entry(text=row.parameters) for row in printed.rows]
        columns.append((Column("parameters_paper", paper.key, digits=0), theirs))
    for place, metric in enumerate(printed.metrics):
        columns += _columns(board, paper, printed, column, metric, first=place == 0)
    if set(PER_BATCH) & set(printed.metrics):
        columns.append((text_column("replicas", "replicas together"), [Entry(text=together(e)) for e in results]))
    verdicts = [Entry(text=verdict.row_verdicts(board, paper, printed, row, column)) for row in printed.rows]
    columns.append((text_column("verdict", "verdict"), verdicts))
    name = slug(paper.key, printed.number, column)
    caption = f"{paper.key}, Table {printed.number}, {plain(column)}: ours beside the paper's"
    return Table(name, caption, tuple(head for head, _ in columns), by_columns([entries for _, entries in columns]))


def _columns(
    board: Board, paper: Paper, printed: PaperTable, column: str, metric: str, *, first: bool
) -> Iterator[tuple[Column, Sequence[Entry]]]:
    """Ours, the paper's, and the difference or the multiples."""
    source = paper.source(column)
    dataset = source.ours if source else ""
    results = [board.get(dataset, row.method, row.variant) for row in printed.rows]
    theirs = [printed.printed(row, column).get(metric) for row in printed.rows]
    their = (Column(f"{metric}_paper", paper.key), [_printed(one) for one in theirs])
    if metric == _IMPROVEMENT:
        yield Column(metric, "XAUC improv.", "%", digits=2, signed=True), _improvements(results)
        yield their
    elif metric in PER_BATCH:
        yield Column(metric, PER_BATCH[metric]), [_seconds(e, metric) for e in results]
        yield their
        base = plain(printed.rows[0].name)
        yield text_column(f"{metric}_times", f"× {base}: ours / {paper.key}"), _multiples(results, theirs, metric)
    else:
        parts = [row.slice for row in printed.rows]
        found = [e.metric(metric, part) if e else None for e, part in zip(results, parts, strict=True)]
        head = METRICS[metric].column(board.unit(dataset))
        ours = [
            summary.entry() if summary else Entry(text=state(e) if first else "")
            for e, summary in zip(results, found, strict=True)
        ]
        yield head, marked(head, ours)
        yield their
        if column in printed.columns:  # no difference from numbers of another dataset
            places = max((one.digits for one in theirs if one), default=0)
            gaps = [
                Entry(s.mean - t.value, text=f"{s.mean - t.value:+,.{t.digits}f}") if s and t else Entry()
                for s, t in zip(found, theirs, strict=True)
            ]
            yield Column(f"{metric}_gap", "Δ", digits=places, signed=True), gaps


def _printed(one: Printed | None) -> Entry:
    return Entry(one.value, one.std, n=0, text=one.text.replace("±", " ± ")) if one else Entry()


def seeds(result: Result | None) -> Entry:
    """The number of seeds behind a row."""
    return Entry(result.seeds) if result and result.seeds else Entry()


def state(result: Result | None) -> str:
    """Why a row has no number, in a word or two."""
    return result.state if result and not result.ok else "not run"


def _seconds(result: Result | None, metric: str) -> Entry:
    if result is None or not result.ok:
        return Entry(text=state(result))
    return Entry(per_batch(result, metric))


def _multiples(results: Sequence[Result | None], theirs: Sequence[Printed | None], metric: str) -> list[Entry]:
    """Divides each row's seconds by the first row's, here and in the paper."""
    ours = [per_batch(e, metric) if e else None for e in results]
    printed = [t.value if t else None for t in theirs]
    return [Entry(text=f"{_times(o, ours[0])} / {_times(t, printed[0])}") for o, t in zip(ours, printed, strict=True)]


def _times(value: float | None, base: float | None) -> str:
    return NONE if value is None or not base else f"{value / base:.1f}"


def _improvements(results: Sequence[Result | None]) -> list[Entry]:
    """XAUC relative to the first row's."""
    values = [e.mean("xauc") if e else None for e in results]
    base = values[0]
    return [
        Entry() if v is None or base is None or place == 0 else Entry(percent(v, base))
        for place, v in enumerate(values)
    ]


def _millions(result: Result | None) -> Entry:
    found = result.cost("parameters") if result else None
    return Entry() if found is None else Entry(found, text=f"{found / 1e6:.2f}M")


def with_numbers(board: Board, dataset: str, printed: PaperTable) -> dict[str, Result]:
    """The results of a table's rows that have numbers, by the rows' names."""
    return {row.name: e for row in printed.rows if (e := board.numbers(dataset, row.method, row.variant))}


def reasons(board: Board, paper: Paper, printed: PaperTable, column: str) -> list[str]:
    """Why rows of the comparison have no number or fewer seeds: one line per row that has something to say."""
    source = paper.source(column)
    lines = []
    for row in printed.rows:
        result = board.get(source.ours if source else "", row.method, row.variant)
        if result and result.remarks:
            lines.append(f"{plain(row.name)}: {result.remarks}.")
    return lines


def whose_rows(board: Board, paper: Paper, printed: PaperTable, column: str) -> str:
    """Which rows are behind our numbers and which behind the paper's."""
    source = paper.source(column)
    first = paper.source(printed.columns[0]) if column in printed.elsewhere else None
    size = f"{first.name}, {first.size}" if first else source.size if source else ""
    theirs = f" The paper: {size}." if size else ""
    return f"Ours: {whose(board, source.ours if source else '')}.{theirs}"


def whose(board: Board, dataset: str) -> str:
    """The rows behind our numbers on a dataset."""
    facts = board.facts(dataset)
    rows = f", {facts['rows']:,} rows" if "rows" in facts else ""
    return f"{plain(str(facts.get('slice', 'not said')))}{rows}"


def constants_beside(board: Board, paper: Paper, printed: PaperTable, column: str) -> list[str]:
    """Counts the printed errors of a table that the best label-only constant on our rows stays below."""
    source = paper.source(column)
    dataset = source.ours if source else ""
    unit = board.unit(dataset)
    found = []
    for metric in ERRORS:
        best = board.best(dataset, metric, "constant")
        value = best.mean(metric) if best else None
        theirs = [p.value for row in printed.rows if (p := printed.printed(row, column).get(metric))]
        if best is None or value is None or not theirs:
            continue
        above = sum(v > value for v in theirs)
        text = f"{best.label} has {METRICS[metric].name} {number(value, digits(metric, unit))}"
        found.append(f"{text} (below {above} of the {len(theirs)} that {paper.key} prints)")
    return [f"Label-only constants on our rows: {sentence_list(found)}."] if found else []


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
                    where = f"{row.name}, {column}, {METRICS[metric].name}: {a.text}"
                    gaps.append((abs(a.value - b.value) / a.value, where, b.text))
    if not gaps:
        return ""
    _, where, other_text = max(gaps)
    return (
        f"Tables {one} and {two} print {len(gaps)} of {cells} shared numbers differently, "
        f"at most {where} in one and {other_text} in the other."
    )
