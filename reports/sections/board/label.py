"""What a board's label can and cannot show: how much of it the duration, users and items know at all."""

from collections.abc import Iterator

from benchmark.compare.ceiling import Ceiling
from reports.evidence.printed.size import known
from reports.markup.document import Part, Section
from reports.markup.text import number, plain, sentence_list
from reports.model.board import Board
from reports.model.front import front

ABOUT = (
    "How much of the label the duration, users and items know, each by itself. Where one knows next to nothing so, "
    "no method can show here what it makes of that factor alone, whatever its place; how factors go together is "
    "not in these numbers.",
)
_METRIC, _CONSTANT = "xauc", 0.5
_DURATION = "the duration"
_SOME = 0.01  # of XAUC above a constant's, and of the variance of the label's normal scores: less is next to nothing


def section(board: Board, dataset: str) -> Section | None:
    """None where nothing is known of the factors."""
    text = told(board.ranked, dataset)
    return Section("label", "What the label can show", ABOUT, (Part(lines=(text,)),)) if text else None


def told(board: Board, dataset: str) -> str:
    """How the duration alone orders the rows, what users and items explain, and which of these know next to nothing;
    the same of the board that leads these rows. "" where neither is known."""
    mine = " ".join(_sentences(board, dataset))
    leader = front().leader(dataset)
    other = " ".join(_facts(board, leader)) if leader and mine else ""
    return mine + (f" {plain(leader)}, the same rows: {other}" if other else "")


def _sentences(board: Board, dataset: str) -> Iterator[str]:
    yield from _facts(board, dataset)
    shares = _known(board, dataset)
    silent = [name for name, share in shares.items() if share < _SOME]
    if silent:
        loud = [name for name, share in shares.items() if share >= _SOME]
        carry = f"; what carries signal: {sentence_list(loud)}" if loud else ""
        yield f"So what a method makes of {' or '.join(silent)} alone cannot show here{carry}."
    for other in front().behind(dataset):
        if shares.get(_DURATION, 0.0) >= _SOME > _known(board, other).get(_DURATION, _SOME):
            yield (
                f"On {plain(other)}, the same rows, the duration orders nothing: what it orders here comes with the "
                "label's own definition."
            )


def _known(board: Board, dataset: str) -> dict[str, float]:
    """By factor, its XAUC above a constant's or its share of the variance."""
    bucket, found = _bucket(board, dataset), known(board, dataset)
    duration = {} if bucket is None else {_DURATION: abs(bucket - _CONSTANT)}
    return duration | ({"items": found.parts.item, "users": found.parts.user} if found else {})


def _facts(board: Board, dataset: str) -> Iterator[str]:
    if (bucket := _bucket(board, dataset)) is not None:
        yield f"The duration's bucket alone orders rows with XAUC {number(bucket, 3)} (a constant {_CONSTANT:g})."
    if found := known(board, dataset):
        users, items = _percent(found, "user"), _percent(found, "item")
        yield f"Of the variance of the label's normal scores users explain {users}, items {items}."


def _percent(found: Ceiling, part: str) -> str:
    """ "10.5 ± 0.5 %", with its standard error where that is known."""
    error = f" ± {100 * getattr(found.errors, part):.1f}" if found.errors else ""
    return f"{100 * getattr(found.parts, part):.1f}{error} %"


def _bucket(board: Board, dataset: str) -> float | None:
    """The best XAUC of what sees the duration's bucket alone."""
    rows = (e for e in board.of(dataset) if e.label_only and not e.flat)
    return max((value for e in rows if (value := e.mean(_METRIC)) is not None), default=None)
