"""The whole field on one picture, the same as tables, and the pooled standing."""

from typing import Literal

from reports.evidence.field import PANELS, Block, Field, Row, field
from reports.evidence.standing import Standing, standings
from reports.markup.document import Part, Picture, Section, slug
from reports.markup.table import Column, Entry, Table, text_column
from reports.markup.text import plain, sentence_list
from reports.model.board import Board
from reports.plots.field import figure, shown

PAGE = "field"
_ALT = "The whole field: rows by boards, their skill by MAE, by RMSE and by ranking"
_TOP = 10  # rows of the standing on the front page
STANDING = (
    "Over boards of real rows, each weighing the same: the share of its rivals that a row beats, one that noise leaves "
    "open counting half. In brackets the rate if all of these were lost, and if all were won: as the chance of any "
    "false separation is 5 % on each board, the rate that endless users and seeds would show on these boards lies "
    "there. Of other data it says nothing. Rivals are the rows of the picture."
)


def section(board: Board) -> Section | None:
    """The picture alone; None where fewer than two rows, or no constant, have numbers."""
    there = field(board)
    if len(there.shown) < 2 or not any(there.race(d, m).scale for d in there.datasets for m in there.metrics(d)):
        return None
    about = (f"The same as tables: [the field](@{PAGE}).",)
    return Section("field", "The whole field", about, (Part(pictures=(_picture(board, there),)),))


def _picture(board: Board, there: Field) -> Picture:
    shown = [result for row in sorted(there.shown) for _, result in there.of(row)]
    inputs = (board.stamp(shown), *(repr(board.noise.get(d)) for d in there.datasets))
    return Picture("field.svg", _ALT, lambda: figure(there, _ALT), inputs)


def tables(board: Board) -> Section | None:
    """Skill in %, a table for each panel."""
    there = field(board)
    found = [_skills(there, block, panel) for block in there.blocks for panel in range(len(PANELS))]
    about = (
        "Skill in %: 0 is the best that one number for everybody reaches, 100 the best row, in a made-up world the "
        "oracle. Bold: the first tied group, which noise does not tell from the best.",
    )
    if section(board) is None:
        return None
    return Section("skill", "Skill of every row on every board", about, (Part(tables=tuple(found)),))


def _skills(there: Field, block: Block, panel: int) -> Table:
    columns = [text_column("method", "method"), *(Column(slug(d), plain(d), digits=0) for d in block.datasets)]
    rows = tuple(
        (Entry(text=_label(there, row)), *(_skill(there, d, panel, row) for d in block.datasets)) for row in block.rows
    )
    caption = f"{block.words.capitalize()}: skill by {PANELS[panel]}, %"
    return Table(slug("skill", block.words, PANELS[panel]), caption, tuple(columns), rows)


def _label(there: Field, row: Row) -> str:
    return next(result.label for _, result in there.of(row))


def _skill(there: Field, dataset: str, panel: int, row: Row) -> Entry:
    race, result = there.race(dataset, there.metrics(dataset)[panel]), there.board.numbers(dataset, *row)
    if result is None or result not in race.means:
        return Entry()
    skill = race.skill(result)
    text = plain(shown(race, race.means[result], None)[0]) if skill is None else ""
    mark: Literal["", "best"] = "best" if result in race.first else ""
    return Entry(None if skill is None else round(100 * skill) + 0.0, text=text, mark=mark)


# --- the pooled standing


def pooled(board: Board) -> Section | None:
    """The first rows by MAE, and the first by each other panel; None where no two boards of one kind were resampled."""
    there = field(board)
    found = [table for kind in _kinds(there) if (table := _short(there, kind))]
    if not found:
        return None
    about = (
        *_about(there),
        f"The first {_TOP} by {PANELS[0]}, and the first by {sentence_list(list(PANELS[1:]))}. Every row, with its "
        f"counts: [the field](@{PAGE}#standing).",
    )
    return Section("standing", "Over all boards", about, (Part(tables=tuple(found)),))


def standing(board: Board) -> Section | None:
    """Every row with its counts, a table for each panel."""
    there = field(board)
    found = [table for kind in _kinds(there) for panel in range(len(PANELS)) if (table := _long(there, kind, panel))]
    return Section("standing", "Over all boards", _about(there), (Part(tables=tuple(found)),)) if found else None


def _about(there: Field) -> tuple[str, ...]:
    out = [f"{plain(d)} stands behind {plain(there.leader(d))}, the same rows" for d in there.real if there.leader(d)]
    return (STANDING, f"Without boards whose rows another leads: {'; '.join(out)}.") if out else (STANDING,)


Kind = tuple[str, tuple[str, ...]]  # "watch time", its boards


def _kinds(there: Field) -> list[Kind]:
    """Boards of real rows by what they predict, where there are two of a kind; of rows with several labels the board
    that leads."""
    found = [
        (block.words, tuple(d for d in block.datasets if d in there.real and not there.leader(d)))
        for block in there.blocks
    ]
    return [kind for kind in found if len(kind[1]) > 1]


def _standings(there: Field, kind: Kind, panel: int) -> list[Standing]:
    return standings(there, kind[1], [there.metrics(dataset)[panel] for dataset in kind[1]])


def _short(there: Field, kind: Kind) -> Table | None:
    panels = [{s.row: s for s in _standings(there, kind, panel)} for panel in range(len(PANELS))]
    if not panels[0]:
        return None
    columns = [
        text_column("method", "method"),
        Column("boards", "boards", digits=0),
        *(text_column(f"rate_{panel.lower()}", f"win rate by {panel}") for panel in PANELS),
    ]
    shown = dict.fromkeys([*list(panels[0])[:_TOP], *(next(iter(found)) for found in panels[1:] if found)])
    rows = []
    for row in shown:
        known = next(found[row] for found in panels if row in found)
        rows.append((Entry(text=known.label), Entry(known.boards), *(_rate(found.get(row)) for found in panels)))
    return Table(slug("standing", kind[0]), f"Over {len(kind[1])} boards of {kind[0]}", tuple(columns), tuple(rows))


def _rate(found: Standing | None) -> Entry:
    return Entry(found.rate, text=str(found)) if found else Entry()


def _long(there: Field, kind: Kind, panel: int) -> Table | None:
    found = _standings(there, kind, panel)
    columns = (
        text_column("method", "method"),
        *(Column(key, key, digits=0) for key in ("boards", "won", "open", "lost")),
        Column("rate", "win rate", digits=2),
        Column("low", "all open lost", digits=2),
        Column("high", "all open won", digits=2),
        Column("worst", "on its worst board", digits=2),
        Column("best", "on its best board", digits=2),
    )
    rows = tuple(
        (Entry(text=s.label), *(Entry(v) for v in (s.boards, s.wins, s.ties, s.losses)),
         *(Entry(v) for v in (s.rate, s.low, s.high, s.worst, s.best)))
        for s in found
    )  # fmt: skip
    caption = f"Over {len(kind[1])} boards of {kind[0]}, by {PANELS[panel]}"
    return Table(slug("standing", *kind[:1], PANELS[panel]), caption, columns, rows) if rows else None
