"""Findings on each paper's method: against itself without what it proposes, and against its rivals."""

from collections import Counter
from collections.abc import Iterator, Mapping

from reports.evidence.contest import contest
from reports.evidence.differences import Gap, Pair, judged
from reports.evidence.field import PANELS, field
from reports.evidence.stats import LEVEL, holm
from reports.markup.document import slug
from reports.markup.text import plain, sentence_list, signed
from reports.model.board import Board, Result
from reports.model.front import row
from reports.model.metrics import ERRORS, METRICS, digits
from reports.model.papers import Paper
from reports.model.supplements import supplements
from reports.sections.findings.finding import Finding, board_of, boards, paper_of


def without(board: Board, paper: Paper) -> Iterator[Finding]:
    """Whether the paper's method is better than itself without what the paper proposes."""
    found = [(dataset, m, gap) for dataset in field(board).real for m, gap in _itself(board, dataset, paper)]
    if not found:
        return
    adjusted = holm([gap.found.p for _, _, gap in found if gap.found])
    words, texts = Counter[str](), dict[str, list[str]]()
    for (dataset, metric, gap), p in zip(found, adjusted, strict=True):
        better = (gap.value < 0) == METRICS[metric].low
        words[word := "not told apart" if p >= LEVEL else "better" if better else "worse"] += 1
        texts.setdefault(dataset, []).append(f"{_difference(board, dataset, metric, gap)}, {word}")
    answer = "does not beat" if not words["better"] else "beats" if len(words) == 1 else "beats only in part"
    told = "; on ".join(f"{board_of(dataset)} {'; '.join(parts)}" for dataset, parts in texts.items())
    text = (
        f"**{plain(paper.key)} {answer} itself without what it proposes.** Its number less that of its own ablation "
        f"[95 % interval], on {told}"
        + (f" (by Holm over these {len(found)})" if len(found) > 1 else "")
        + f": {_where(paper)}."
    )
    yield Finding(f"without-{paper.key}", text)


def _where(paper: Paper) -> str:
    """A link to the table that prints it."""
    bare = row(paper.without)
    printed = next((t for t in paper.tables if any((r.method, r.variant) == bare for r in t.rows)), None)
    words = f"Table {printed.number}" if printed else plain(paper.key)
    return paper_of(paper.key, slug("table", printed.number) if printed else "", words)


def _itself(board: Board, dataset: str, paper: Paper) -> Iterator[tuple[str, Gap]]:
    untuned = board.untuned
    mine = untuned.numbers(dataset, *row(paper.own))
    bare = untuned.numbers(dataset, *row(paper.without)) if paper.without else None
    if mine is None or bare is None:
        return
    for metric in field(board).metrics(dataset):
        for gap, _ in judged(untuned, dataset, [Pair(mine.label, mine, bare.label, bare)], metric):
            if gap.found:
                yield metric, gap


def _difference(board: Board, dataset: str, metric: str, gap: Gap) -> str:
    """ "MAE +0.318 [-0.071, +0.707] s" """
    places = digits(metric, unit := board.unit(dataset))
    low, high = gap.found.interval if gap.found else (gap.value, gap.value)
    interval = f"[{signed(low, places)}, {signed(high, places)}]"
    return f"{METRICS[metric].name} {signed(gap.value, places)} {interval}" + f" {unit}" * (metric in ERRORS)


Duels = Mapping[tuple[str, str], Counter[str]]  # dataset, panel -> how often each word


def rivals(board: Board, paper: Paper) -> Iterator[Finding]:
    """How often the paper's method beats its rivals, those of all its supplements, on boards of real rows."""
    there, untuned = field(board), board.untuned
    duels, others, label = dict[tuple[str, str], Counter[str]](), dict[str, Result](), ""
    ahead = dict[tuple[str, str], str]()  # where another row than the paper's leads: which
    for dataset in there.real:
        mine, against = untuned.numbers(dataset, *row(paper.own)), _rivals(untuned, dataset, paper)
        if mine is None or not against:
            continue
        label, others = mine.label, others | against
        pairs = [Pair(mine.label, mine, name, other) for name, other in against.items()]
        for panel, metric in zip(PANELS, there.metrics(dataset), strict=True):
            duels[dataset, panel] = Counter(word for _, word in judged(untuned, dataset, pairs, metric))
            if (tested := contest(untuned, dataset, metric)) and tested.best is not mine:
                ahead[dataset, panel] = tested.best.label
    if duels:
        yield _rivalry(paper, label, duels, others, ahead)


def _rivals(board: Board, dataset: str, paper: Paper) -> dict[str, Result]:
    """Those with numbers, by the names that the supplements give them."""
    named = ((rival, rival.method or s.method) for s in supplements(paper) for rival in s.rivals)
    found = {rival.name: board.numbers(dataset, method, rival.variant) for rival, method in named}
    return {name: entry for name, entry in found.items() if entry}


def _rivalry(
    paper: Paper, label: str, duels: Duels, others: Mapping[str, Result], ahead: Mapping[tuple[str, str], str]
) -> Finding:
    clean = [board for board, words in duels.items() if words["better"] == words.total() > 0]
    won = [f"{panel} on {plain(dataset)}" for dataset, panel in clean]
    texts = []
    for panel in PANELS:
        words = sum((count for (_, p), count in duels.items() if p == panel), Counter[str]())
        if total := words.total():
            open_ = total - words["better"] - words["worse"]
            texts.append(f"by {panel} {words['better']} won, {words['worse']} lost, {open_} open")
    for (dataset, panel), other in ((board, ahead[board]) for board in clean if board in ahead):
        texts.append(f"no rival of its paper, and ahead of it by {panel} on {plain(dataset)}, is {other}")
    simple = [name for name, entry in others.items() if entry.trees or entry.label_only]
    among = f", among them {sentence_list([plain(name) for name in simple])}" if simple else ""
    head = (
        f"{label} beats all rivals of its paper by {sentence_list(won)}"
        if won
        else f"{label} nowhere beats all rivals of its paper"
    )
    where = boards(dict.fromkeys(dataset for dataset, _ in duels))
    link = paper_of(paper.key, next(s.key for s in supplements(paper) if s.rivals), "pair by pair")
    text = (
        f"**{head}.** Against {len(others)} rivals that it has or leaves out{among}, beyond noise, on {where}: "
        f"{'; '.join(texts)} ({link})."
    )
    return Finding(f"rivals-{paper.key}", text)
