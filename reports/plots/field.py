"""The whole field on one picture: rows by boards, coloured by skill, framed where noise leaves the first place open.

Its SVG is written here, not by matplotlib: several hundred numbered cells are a fifth of the bytes this way.
"""

from collections.abc import Iterator
from html import escape

from reports.evidence.field import PANELS, Block, Field, Row
from reports.evidence.race import Race
from reports.model.metrics import METRICS

_WIDE, _HIGH, _GAP = 30, 17, 22  # pixels: a cell, and between panels
_LEFT, _TOP, _BELOW, _BOTTOM = 190, 150, 16, 56
_BETTER, _WORSE = (107, 163, 224), (245, 168, 92)  # blue and orange, told apart by everybody; dark text reads on both
_INK, _QUIET = "#1a1a1a", "#555"
_LEAST = -999  # what is below it in % is written as far below
LEGEND = (
    "Number and colour: skill in %. 0 is the best that one number for everybody reaches, 100 the best row (in a",
    "made-up world the oracle); orange is worse than that constant, <0 where the constant itself is the best. Framed",
    "and bold: the first tied group, not told from the best. Beside a board's name: the best row against the constant.",
)


def figure(field: Field, title: str) -> str:
    """An SVG: a block for each kind of value; in it a panel for each error and for ranking, a column for each board,
    a line for each row."""
    widest = max((len(block.datasets) for block in field.blocks), default=0)
    width = max(_LEFT + len(PANELS) * (widest * _WIDE + _GAP), 640)
    height = sum(map(_tall, field.blocks)) + _BOTTOM
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="sans-serif" font-size="11">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    top = 0
    for block in field.blocks:
        lines += [f'<g transform="translate(0 {top})">', *_block(field, block), "</g>"]
        top += _tall(block)
    for line, text in enumerate(LEGEND):
        lines.append(f'<text x="8" y="{top + 18 + 14 * line}" font-size="10" fill="{_QUIET}">{escape(text)}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def _tall(block: Block) -> int:
    return _TOP + len(block.rows) * _HIGH + _BELOW


def _block(field: Field, block: Block) -> Iterator[str]:
    yield f'<text x="8" y="14" font-size="12" font-weight="bold" fill="{_INK}">{block.words.capitalize()}</text>'
    yield f'<g text-anchor="end" fill="{_INK}">'
    for line, row in enumerate(block.rows):
        label = next(result.full for _, result in field.of(row))
        yield f'<text x="{_LEFT - 6}" y="{_TOP + line * _HIGH + 12}">{escape(label)}</text>'
    yield "</g>"
    for panel in range(len(PANELS)):
        yield from _panel(field, block, panel)


def _panel(field: Field, block: Block, panel: int) -> Iterator[str]:
    left = _LEFT + panel * (len(block.datasets) * _WIDE + _GAP)
    races = [field.race(dataset, field.metrics(dataset)[panel]) for dataset in block.datasets]
    yield f'<g transform="translate({left} {_TOP})" fill="{_INK}" font-size="10" text-anchor="middle">'
    middle = len(races) * _WIDE // 2
    yield f'<text x="{middle}" y="{14 - _TOP}" font-size="12" font-weight="bold">by {PANELS[panel]}</text>'
    for column, race in enumerate(races):
        yield from _head(race, column * _WIDE + _WIDE // 2)
        for line, row in enumerate(block.rows):
            yield from _cell(field, race, row, column * _WIDE, line * _HIGH)
    yield "</g>"


def _head(race: Race, x: int) -> Iterator[str]:
    """The board's name and what the best row gains, upwards."""
    gain = f"{METRICS[race.metric].name} {told(race.gain)}"
    for text, dx, colour_ in ((race.dataset, -3, _INK), (gain, 9, _QUIET)):
        turned = f'transform="translate({x + dx} -5) rotate(-90)" text-anchor="start"'
        yield f'<text {turned} fill="{colour_}">{escape(text)}</text>'


def _cell(field: Field, race: Race, row: Row, x: int, y: int) -> Iterator[str]:
    result = field.board.numbers(race.dataset, *row)
    if result is None or result not in race.means:
        return
    text, shade = shown(race, race.means[result], race.skill(result))
    first = result in race.first
    frame = f' stroke="{_INK}" stroke-width="1.4"' if first else ""
    bold = ' font-weight="bold"' if first else ""
    yield f'<rect x="{x + 1}" y="{y + 1}" width="{_WIDE - 2}" height="{_HIGH - 2}" fill="{colour(shade)}"{frame}/>'
    yield f'<text x="{x + _WIDE // 2}" y="{y + 12}"{bold}>{escape(text)}</text>'


def shown(race: Race, value: float, skill: float | None) -> tuple[str, float]:
    """What stands in a cell, and the skill that it is coloured by: skill in percent; where nothing beats the constant,
    0 for what equals it and <0 for the others."""
    if skill is not None:
        percent = round(100 * skill)
        return ("≪0" if percent < _LEAST else f"{percent}".replace("-", "−")), skill
    if race.scale is None:
        return "–", 0.0
    return ("0", 0.0) if value == race.scale.zero else ("<0", -1.0)


def told(gain: float | None) -> str:
    """By how much the best row lies above (+) or below (-) the constant."""
    return "" if gain is None else f"{round(gain, 1) + 0:+.1f} %".replace("-", "−")


def colour(skill: float) -> str:
    """White at 0, blue at 1, orange at -1 and below, as #rrggbb."""
    end, share = (_BETTER, min(skill, 1.0)) if skill > 0 else (_WORSE, min(-skill, 1.0))
    return "#" + "".join(f"{round(255 - share * (255 - part)):02x}" for part in end)
