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
    ideas = dict.fromkeys(trial.idea.counted for trial in found)
    won = [t for t in found if t.last.word == "better"]
    works = {t.idea.counted for t in won}
    plain_row = works - {t.idea.counted for t in won if t.last.mine.method == t.last.other.method}
    ahead = {t.idea.counted for t in won if t.rival and t.rival[-1].word == "better"}
    tried = {t.idea.counted for t in found if t.failing}
    too = {t.idea.counted for t in found if t.failing and t.failing.word == "better"}
    worse = {t.idea.counted for t in found if t.last.word == "worse" and not t.last.unlike(board)} & works
    cut = {t.idea.counted for t in found if cut_short(t.last.mine.ok) or cut_short(t.last.other.ok)}
    losers = [f"{t.last.mine.label} ({plain(t.idea.says)})" for t in never(found)]
    head = of(len(works), len(ideas)).capitalize()
    parts = [f"held against a plain network, for want of a switch, {_are(len(plain_row))}"] * bool(plain_row)
    parts += [f"better than the best of its rivals as well {_are(len(ahead))}"] * bool(works)
    parts += [f"worse by another of these {_are(len(worse))}"] * bool(worse)
    parts += [f"better where the assumption does not hold {_are(len(too), len(tried))}"] * bool(tried)
    parts += [f"better at no number of rows: {listed(losers, 5)}"] * bool(losers)
    text = (
        f"**{head} ideas gain beyond noise where they should.** In made-up worlds in which its assumption holds, at "
        "the most training rows, each is held against the same method without it, or a plain network, by errors and a "
        "ranking, and gains if it is better by any (by Benjamini and Hochberg: one such word of twenty may be chance); "
        f"{'; '.join(parts)}."
    )
    if cut:
        text += (
            f" For {of(len(cut), len(ideas))} of these ideas the row, or the one without, had patience left when its "
            "epochs were over, and might have come further."
        )
    yield Finding("controls", f"{text} (See [controls](@controls).)")


def _are(count: int, total: int = 0) -> str:
    """ "is 1", "are none of 4" """
    return f"{'is' if count == 1 else 'are'} {of(count, total) if total else count or 'none'}"
