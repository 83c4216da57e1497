"""A finding on what there is to be had: the best orderings beside what the label's variance predicts."""

from collections.abc import Iterator

from reports.evidence.field import field
from reports.markup.text import number, sentence_list, signed
from reports.model.board import Board
from reports.sections.ceiling import best, ceilings, here
from reports.sections.findings.finding import Finding, board_of, of

_METRIC, _DIGITS = "xauc", 4


def ceiling(board: Board) -> Iterator[Finding]:
    """How far the best row of each board of real rows is from what shrunken user and item means are predicted to reach,
    and where the best row is no network."""
    board = board.untuned
    real = field(board).real
    found = [(d, top, here(c).xauc) for d, c in ceilings(board).items() if d in real and (top := best(board, d))]
    if not found:
        return
    gaps = sorted((top.mean(_METRIC) or 0.0) - aim for _, top, aim in found)
    ends = " to ".join(dict.fromkeys(signed(gap, _DIGITS) for gap in (gaps[0], gaps[-1])))
    texts = [
        f"{board_of(d)} {number(top.mean(_METRIC), _DIGITS)} against {number(aim, _DIGITS)}" for d, top, aim in found
    ]
    others = [(d, top) for d, top, _ in found if top.kind != "network"]
    told = f"On {of(len(others), len(found))} the best row is no network"
    names = sentence_list(list(dict.fromkeys(top.label for _, top in others)))
    yield Finding(
        "ceiling",
        f"**The best orderings are {ends} XAUC from what shrunken user and item means are predicted to reach**, by the "
        "label's variance components ([the prediction](@ceiling), which is no bound: it knows nothing of how a "
        f"user and an item go together): {'; '.join(texts)}. "
        f"{told}{f' but {names}' if others else ''}.",
    )
