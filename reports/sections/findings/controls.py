"""The finding on ideas in worlds that were made for them."""

from collections.abc import Iterator

from reports.markup.text import plain
from reports.model.board import Board
from reports.sections.controls.page import never
from reports.sections.controls.trial import trials
from reports.sections.findings.finding import Finding, listed, of


def controls(board: Board) -> Iterator[Finding]:
    """How many ideas gain on their own ablation where their assumption holds, and which nowhere do."""
    found = trials(board)
    if not found:
        return
    ideas = list(dict.fromkeys(trial.idea.says for trial in found))
    works = {t.idea.says for t in found if t.last.word == "better"}
    ahead = {t.idea.says for t in found if t.rival and t.rival[-1].word == t.last.word == "better"}
    tried = {t.idea.says for t in found if t.fails}
    too = {t.idea.says for t in found if t.fails and t.fails[-1].word == "better"}
    losers = [f"{t.last.mine.label} ({plain(t.idea.says)})" for t in never(found)]
    head = "Most ideas work" if 2 * len(works) > len(ideas) else "Most ideas do not work"
    text = (
        f"**{head} where they should.** In made-up worlds in which its assumption holds, at the most training rows, "
        f"{of(len(works), len(ideas))} ideas are better than the same method without the idea by an error or a "
        f"ranking, {len(ahead)} of these better than the best of their rivals too"
    )
    text += f"; where it does not hold, {of(len(too), len(tried))} are" if tried else ""
    text += f". Better at no number of rows: {listed(losers, 5)}" if losers else ""
    yield Finding("controls", f"{text} ([controls](@controls)).")
