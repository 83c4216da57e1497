"""Findings on what the papers print: are their numbers found again, and do their orders of methods hold here?"""

from collections import Counter
from collections.abc import Iterator

from reports.evidence.printed import order
from reports.evidence.printed.order import RowOrder
from reports.evidence.printed.together import ABOVE, BELOW, Asked, Row, asked, beyond, misshapen
from reports.evidence.printed.verdict import AGREES, BEYOND, BY_SIZE, OTHER_ROWS, SAME_ROWS, UNLIKE, every
from reports.markup.document import slug
from reports.markup.text import plain, sentence_list
from reports.model.board import Board
from reports.model.metrics import ERRORS, METRICS
from reports.model.papers import Paper, PaperTable, Printed, papers
from reports.sections.findings.finding import Finding, of, paper_of


def numbers(board: Board) -> Iterator[Finding]:
    """How many printed numbers were reproduced, agree on another sample, or differ, and by what."""
    words = Counter(one.word for one in every(board.untuned))
    total = words.total()
    if not total:
        return
    same, other = sum(words[word] for word in SAME_ROWS), sum(words[word] for word in OTHER_ROWS)
    again, agree = words[SAME_ROWS[0]], words[AGREES]
    texts = [f"on the papers' own rows {', '.join(f'{words[w]} {w}' for w in SAME_ROWS)}"] * bool(same)
    if other:
        texts.append(
            f"on other rows under the same protocol our 95 % interval covers {agree}, the sizes of the samples could "
            f"explain {words[BY_SIZE]}, and {words[BEYOND]} lie beyond that"
        )
    texts += [f"{words[UNLIKE]} are {UNLIKE}"] * bool(words[UNLIKE])
    head = (
        f"Of the printed numbers that can be judged on the papers' own rows, {of(again, same)} "
        f"{'is' if again == 1 else 'are'} within noise"
        if same
        else "No printed number can be judged on the papers' own rows"
    )
    head += f"; {of(agree, other)} {'agrees' if agree == 1 else 'agree'} on another sample" if other else ""
    where = [paper_of(key, "reproduced", plain(key)) for key in papers() if every(board.untuned, key)]
    text = (
        f"**{head}.** Of {total} numbers with one of ours beside them, each counted once: "
        f"{'; '.join(texts)} ({sentence_list(where)})."
    )
    yield Finding("printed", text)


def together(board: Board, paper: Paper) -> Iterator[Finding]:
    """Whether a paper's printed errors can go with its printed XAUC."""
    main = [one for one in asked(board.untuned, paper) if one.printed.main]
    rows = list({_printed(row): row for one in main for row in one.rows}.values())  # several tables may print one
    if not rows:
        return
    lost = [row for row in rows if row.word in (ABOVE, BELOW)]
    head = (
        f"{plain(paper.key)}'s printed errors {'can go with its XAUC' if not lost else 'do not go with its XAUC'}"
        if len(lost) in (0, len(rows))
        else f"The errors of {of(len(lost), len(rows))} rows that {plain(paper.key)} prints do not go with their XAUC"
    )
    texts = list(dict.fromkeys(text for one in main if (text := _apart(one))))
    if lost:
        own, copied = sum(row.own for row in lost), sum(row.copied for row in lost)
        whose = f"{own or 'none'} of them {'are' if own > 1 else 'is'} of {plain(paper.key)} itself"
        texts.append(whose + f", {copied} {'stand' if copied > 1 else 'stands'} in other papers too" * bool(copied))
    whole = [row for row in rows if row.errors.keys() == set(ERRORS)]
    bent = {_printed(row) for one in main for row in misshapen(one)}
    if whole and texts:
        texts.append(f"whatever the scale of the labels, by MAE / RMSE alone, {of(len(bent), len(whole))}")
    if far := len({_printed(row) for one in main for row in beyond(one)}):
        texts.append(f"the XAUC of {of(far, len(rows))} lies outside that of our rows, where the copula was not tried")
    off = {m: 100 * max(one.reach.off[m] for one in main) for m in ERRORS}
    link = paper_of(paper.key, "together", "row by row, with what is assumed")
    yield Finding(
        f"together-{paper.key}",
        f"**{head}.** Under our labels' distribution and a Gaussian copula, which on our own rows is off by at most "
        f"{off['rmse']:.1f} % of RMSE and {off['mae']:.1f} % of MAE{': ' if texts else ''}{'; '.join(texts)} ({link}).",
    )


def _printed(row: Row) -> tuple[str, ...]:
    return row.name, row.xauc.text, *(error.text for error in row.errors.values())


def _apart(one: Asked) -> str:
    """How many rows of a table do not fit, with the one whose MAE lies the furthest off; "" where all fit."""
    lost = [row for row in one.rows if row.word in (ABOVE, BELOW)]
    if not lost:
        return ""
    row = max(lost, key=_off)
    theirs = [f"XAUC {_bare(row.xauc)}", *(f"{METRICS[m].name} {_bare(e)}" for m, e in row.errors.items())]
    ours = [f"{METRICS[m].name} {getattr(row.says.mean, m):.4g}" for m in row.errors]
    table = f"Table {one.printed.number} ({plain(one.column)})"
    return (
        f"{of(len(lost), len(one.rows))} rows of {table}, as {plain(row.name)} "
        f"with {sentence_list(theirs)}, where a mean of that order has {sentence_list(ours)}"
    )


def _off(row: Row) -> float:
    """By what share its first error differs from a mean's."""
    metric, error = next(iter(row.errors.items()))
    return float(abs(error.value / getattr(row.says.mean, metric) - 1))


def _bare(one: Printed) -> str:
    return one.text.partition("±")[0]


def orders(board: Board) -> Iterator[Finding]:
    """Kendall's tau of our means with the papers', of the tables that compare methods."""
    texts, all_ = [], list[RowOrder]()
    for paper in papers().values():
        for printed in _comparisons(paper):
            for column in printed.columns:
                if found := order.orders(board.untuned, paper, printed, column):
                    taus = ", ".join(f"{name} {one}" for name, one in found.items())
                    where = paper_of(paper.key, slug("table", printed.number), f"Table {printed.number}")
                    texts.append(f"{plain(paper.key)}'s {where}, {plain(column)}: {taus}")
                    all_ += found.values()
    if not texts:
        return
    words = Counter(one.word for one in all_)
    agree, in_part = words[order.AGREES], words[order.IN_PART]
    failed = "do not hold" if words[order.DIFFERS] else "are left open"
    answer = "hold" if agree == len(all_) else "hold in part" if agree or in_part else failed
    text = (
        f"**The papers' orders of methods {answer} here.** Kendall's τ with ours (1: the same, 0: unrelated) [95 % "
        f"interval]: {'; '.join(texts)}. Of {len(all_)} orders {_counted(words)}."
    )
    yield Finding("orders", text)


def _counted(words: Counter[str]) -> str:
    """ "1 agrees, 2 agree in part, 5 differ" """
    many = {order.AGREES: "agree", order.IN_PART: "agree in part", order.OPEN: "are open", order.DIFFERS: "differ"}
    one = {order.OPEN: "is open"}
    found = [f"{n} {one.get(word, word) if n == 1 else many[word]}" for word in many if (n := words[word])]
    return sentence_list(found)


def _comparisons(paper: Paper) -> list[PaperTable]:
    """The tables that compare methods, each by its default; one whose methods another table has too, and more, is left
    out."""
    found = [t for t in paper.tables if len(_methods(t)) > 2 and all(row.variant == "default" for row in t.rows)]
    return [t for t in found if not any(_methods(t) < _methods(other) for other in found)]


def _methods(printed: PaperTable) -> set[str]:
    return {row.method for row in printed.rows}
