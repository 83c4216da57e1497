"""The finding on ideas in worlds that were made for them."""

from collections.abc import Iterator

from benchmark.records.curves import cut_short
from reports.markup.text import plain
from reports.model.board import Board
from reports.sections.controls.page import never
from reports.sections.controls.trial import trials
from reports.sections.findings.finding import Finding, listed, of


def controls(board: Board) -> Iterator[Finding]:
    """How many ideas gain on their own ablation where their assumption holds, and which nowhere do; of the papers', not
    our readings of them."""
    found = [trial for trial in trials(board) if not trial.idea.reading]
    if not found:
        return
    first = list({trial.idea.says: trial for trial in reversed(found)}.values())
    ideas = [trial.idea.says for trial in first]
    works = {t.idea.says for t in found if t.last.word == "better"}
    ahead = {t.idea.says for t in found if t.rival and t.rival[-1].word == t.last.word == "better"}
    tried = {t.idea.says for t in found if t.fails}
    too = {t.idea.says for t in found if t.fails and t.fails[-1].word == "better"}
    worse = {t.idea.says for t in found if t.last.word == "worse"} & works
    cut = sum(cut_short(t.last.mine.ok) or cut_short(t.last.other.ok) for t in first)
    losers = [f"{t.last.mine.label} ({plain(t.idea.says)})" for t in never(found)]
    head = of(len(works), len(ideas)).capitalize()
    parts = [f"better than the best of its rivals as well {_are(len(ahead))}"] * bool(works)
    parts += [f"worse by another of these {_are(len(worse))}"] * bool(worse)
    parts += [f"better where the assumption does not hold {_are(len(too), len(tried))}"] * bool(tried)
    parts += [f"better at no number of rows: {listed(losers, 5)}"] * bool(losers)
    text = (
        f"**{head} ideas gain beyond noise where they should.** In made-up worlds in which its assumption holds, at "
        "the most training rows, each is held against the same method without it by errors and a ranking, and gains "
        "if it is better by any (by Benjamini and Hochberg: one such word of twenty may be chance); "
        f"{'; '.join(parts)}."
    )
    if cut:
        text += (
            f" For {of(cut, len(ideas))} of these ideas the row, or the one without, had patience left when its epochs "
            "were over, and might have come further."
        )
    yield Finding("controls", f"{text} (See [controls](@controls).)")


def _are(count: int, total: int = 0) -> str:
    """ "is 1", "are none of 4" """
    return f"{'is' if count == 1 else 'are'} {of(count, total) if total else count or 'none'}"
