"""What the pages show, computed once: RESULTS.md, board.html and the exports are forms of it and cannot disagree."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from benchmark.records.study import is_tuned, studies
from reports.evidence import learned
from reports.evidence.reproduced import below, summary
from reports.markup.block import Block, Section, Titled
from reports.markup.markdown import Sheet, plain
from reports.markup.picture import Picture, seen, slug
from reports.model.board import Board
from reports.model.frames import digest, load, portraits, resampled
from reports.model.papers import Paper, papers
from reports.plots import calibration as deciles
from reports.plots import pareto
from reports.sections import distributions, inventory, lifetime, tuning, tweaks
from reports.sections.cost import costs, environments
from reports.sections.leaderboard import leaderboard, remarks, verdicts
from reports.sections.noise import noise, skill, trust
from reports.sections.paper import ablation, checklist
from reports.sections.paper.beside import sections
from reports.sections.paper.comparison import (
    buckets,
    comparison,
    constants_beside,
    disagreement,
    edges,
    reasons,
    statistics,
    whose_rows,
    with_numbers,
)
from reports.sections.provenance import provenance
from reports.sections.slices import orders, values

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Content:
    """Everything that the pages show. Fields hold Markdown; an empty tuple is nothing to show."""

    board: Board
    front: Board  # what the leaderboards rank: without the variants that have a table of their own
    digest: str
    counts: str
    data: Titled | None
    mixed: tuple[str, ...]
    missing: tuple[str, ...]
    prowtp: Paper
    gr: Paper
    disagreement: str
    reproduced: Titled | None
    checklist: Titled
    main: tuple[Block, ...]  # ProWTP, Table 8
    buckets: tuple[Block, ...]  # ProWTP, Table 7
    statistics: Titled  # ProWTP, Table 6
    gr_main: tuple[Block, ...]  # GR, Table 2
    gr_large: tuple[Block, ...]  # GR, Table 7
    table_six: Titled | None  # GR, Table 6
    constants: tuple[str, ...]  # to be read before it
    calibration: tuple[Block, ...]
    deciles: Mapping[str, str]  # a calibration block's title -> its figure's place, seen from RESULTS.md
    ablations: tuple[Section, ...]  # tables that have no section of their own
    studies: tuple[Section, ...]  # what stands beside the papers' tables
    tuned: Section | None  # what a search of settings changes
    boards: tuple[Block, ...]
    slices: tuple[Block, ...]
    costs: tuple[Block, ...]
    pareto: Mapping[str, str]  # a cost block's title -> its figure's place, seen from RESULTS.md
    environments: tuple[str, ...]
    folder: str  # of the figures, seen from RESULTS.md
    provenance: tuple[Block, ...]  # not in RESULTS.md

    @property
    def blocks(self) -> Iterator[Block]:
        """Every part of every section, in the order of the pages."""
        for blocks in (self.main, self.gr_main, self.boards, self.slices, self.buckets, self.gr_large):
            yield from blocks
        for section in (*filter(None, [self.tuned]), *self.ablations, *self.studies):
            yield from section.blocks
        yield from self.calibration
        yield from self.costs
        yield from self.provenance

    @property
    def tables(self) -> list[Titled]:
        """Every table, once."""
        first = [titled for titled in (self.data, self.reproduced, self.checklist, self.table_six) if titled]
        return [*first, *(t for b in self.blocks for t in b.tables), self.statistics]

    @property
    def pictures(self) -> Iterator[Picture]:
        """Every figure of the parts."""
        return (picture for block in self.blocks for picture in block.pictures)


def content(runs: Path, stale: Mapping[str, str] = NOTHING) -> Content:
    """stale: "dataset/method/variant/seed" -> why; these cells are refused and named.

    Raises UserError on a file below `runs` that is not a record."""
    records, noise_, found = load(runs), resampled(runs), papers()
    whole = Board(records, stale, noise_)
    # what a search chose stands beside the default in a section of its own: every other table compares defaults
    board = Board([record for record in records if not is_tuned(record.variant)], stale, noise_)
    front = board.without(inventory.in_tables(found))
    prowtp, gr = found["ProWTP"], found["GR"]
    logs = portraits(runs, [record for dataset in board.datasets for record in board.trusted(dataset)])
    beside = {paper.key: dict(sections(board, paper, runs, logs)) for paper in found.values()}
    return Content(
        board=board,
        front=front,
        digest=digest(runs),
        counts=inventory.counts(whole),
        data=_titled("data", "The data behind our numbers", inventory.data(board)),
        mixed=tuple(inventory.mixed(whole)),
        missing=tuple(inventory.missing(board, found, beside)),
        prowtp=prowtp,
        gr=gr,
        disagreement=disagreement(prowtp, "1", "8"),
        reproduced=_titled("reproduced", "Reproduced or not", summary(board, found)),
        checklist=Titled("checklist", "Every table and figure of both papers", checklist.standing(board)),
        main=_blocks(board, prowtp, "8"),
        buckets=tuple(_buckets(board, prowtp)),
        statistics=Titled("prowtp-6", "ProWTP, Table 6: the datasets", statistics(board, prowtp, "6")),
        gr_main=_blocks(board, gr, "2"),
        gr_large=_blocks(board, gr, "7", constants=False),
        table_six=_titled("gr-6", "GR, Table 6: lifetime value", lifetime.table_six(board, gr)),
        constants=tuple(lifetime.constants(board)),
        calibration=tuple(_each(board, "calibration", lifetime.calibration)),
        deciles={plain(dataset): place.as_posix() for dataset, place in deciles.places(board, runs).items()},
        ablations=tuple(_ablations(board, found)),
        studies=(
            *(section for found in beside.values() for section in found.values()),
            *filter(None, (distributions.section(board), tweaks.section(board))),
        ),
        tuned=tuning.section(records, studies(runs), stale, noise_),
        boards=tuple(_leaderboard(front, board, dataset) for dataset in board.datasets),
        slices=tuple(_slices(front)),
        costs=tuple(_each(board, "cost", costs)),
        pareto={plain(dataset): place.as_posix() for dataset, place in pareto.places(front, runs).items()},
        environments=tuple(environments(whole)),
        folder=seen(runs).as_posix(),
        provenance=tuple(_each(whole, "provenance", provenance)),
    )


def _titled(name: str, caption: str, sheet: Sheet | None) -> Titled | None:
    return None if sheet is None else Titled(name, caption, sheet)


def _leaderboard(board: Board, whole: Board, dataset: str) -> Block:
    """The table, what its noise leaves open, each metric between knowing nothing and knowing all, and which variants
    stand elsewhere."""
    name, has = plain(dataset), board.has(dataset)
    tables = [Titled(slug("leaderboard", dataset), f"{name}: leaderboard", leaderboard(board, dataset))]
    lines = [*trust(board, dataset), *remarks(board, dataset), *verdicts(board, dataset)] if has else []
    if (found := noise(board, dataset)) is not None:
        tables.append(Titled(slug("noise", dataset), f"{name}: what the noise leaves open", found))
    if (scaled := skill(board, dataset)) is not None:
        tables.append(Titled(slug("skill", dataset), f"{name}: skill, from a constant (0) to the best (1)", scaled[0]))
        lines += scaled[1]
    lines += inventory.elsewhere(board, whole, dataset)
    return Block(name, tables=tuple(tables), lines=tuple(lines))


def _slices(board: Board) -> Iterator[Block]:
    """The slices of each dataset that was resampled."""
    for dataset in board.datasets:
        name = plain(dataset)
        found = (
            ("order", f"{name}: who is best on which slice", orders(board, dataset)),
            ("slices", f"{name}: MAE by slice", values(board, dataset)),
        )
        tables = (Titled(slug(word, dataset), caption, sheet) for word, caption, sheet in found if sheet is not None)
        if there := tuple(tables):
            yield Block(name, tables=there)


def _each(board: Board, word: str, sheet: Callable[[Board, str], Sheet | None]) -> Iterator[Block]:
    """A table per dataset that has one."""
    for dataset in board.datasets:
        if (found := sheet(board, dataset)) is not None:
            name = plain(dataset)
            yield Block(name, tables=(Titled(slug(word, dataset), f"{name}: {word}", found),))


def _blocks(board: Board, paper: Paper, number_: str, *, constants: bool = True) -> tuple[Block, ...]:
    return tuple(_block(board, paper, number_, c, constants=constants) for c in paper.table(number_).shown)


def _block(
    board: Board, paper: Paper, number_: str, column: str, *, constants: bool = False, ablated: bool = False
) -> Block:
    source = paper.source(column)
    assert source is not None, f"{paper.key} describes no dataset {column!r}"
    if not board.has(source.ours):
        return Block(column, missing=inventory.why_missing(board, source.ours, source.reason))
    printed_here = column in paper.table(number_).columns
    lines = [constants_beside(board, paper, number_, column)] if constants and printed_here else []
    lines += below(board, paper, number_, column)
    lines += ablation.lines(board, paper, paper.table(number_), column) if ablated else []
    lines += learned.lines(board, source.ours, with_numbers(board, source.ours, paper.table(number_)))
    caption = f"{paper.key}, Table {number_}, {column}: ours beside the paper's"
    sheet = comparison(board, paper, number_, column)
    return Block(
        column,
        rows=whose_rows(board, paper, number_, column),
        tables=(Titled(slug(paper.key, number_, column), caption, sheet),),
        lines=tuple(filter(None, [*lines, *reasons(board, paper, number_, column)])),
    )


def _buckets(board: Board, paper: Paper) -> Iterator[Block]:
    """ProWTP's Table 7: the methods of its Table 8 and two simple predictors by duration bucket."""
    methods = [*(row.method for row in paper.table("8").rows), "bucket_median", "boosting"]
    for column in paper.table("7").columns:
        source = paper.source(column)
        assert source is not None
        if not board.has(source.ours):
            yield Block(column, missing=inventory.why_missing(board, source.ours, source.reason))
            continue
        found = zip(paper.table("7").metrics, buckets(board, paper, "7", column, methods), strict=True)
        tables = (
            Titled(slug(paper.key, "7", column, metric), f"{column}: {metric.upper()} by duration bucket", sheet)
            for metric, sheet in found
        )
        yield Block(column, rows=edges(board, source.ours), tables=tuple(tables))


def _ablations(board: Board, found: Mapping[str, Paper]) -> Iterator[Section]:
    for paper in found.values():
        for printed in paper.tables:
            if inventory.is_ablation(paper, printed) and (there := list(inventory.ablated(board, paper, printed))):
                blocks = (_block(board, paper, printed.number, column, ablated=True) for column in there)
                yield Section(f"{paper.key}, Table {printed.number}: {printed.caption}", "", tuple(blocks))
