"""Findings on each paper's method: against itself without what it proposes, and against its rivals."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as field_

from reports.evidence.contest import contest
from reports.evidence.differences import Gap, Pair, judged
from reports.evidence.estimand import unlike
from reports.evidence.field import PANELS, field
from reports.evidence.stats import LEVEL, holm
from reports.markup.document import slug
from reports.markup.text import plain, sentence_list, signed
from reports.model.board import Board, Result
from reports.model.front import row
from reports.model.metrics import ERRORS, METRICS, digits
from reports.model.papers import Paper
from reports.model.supplements import chosen_on, supplements
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
        f"**{plain(paper.key)} {answer} itself without {plain(paper.without_says)}.** Its number less that of its own "
        f"ablation [95 % interval], on {told}"
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


@dataclass
class _Rivalry:
    """What a paper's method met on boards of real rows, by dataset and panel."""

    label: str = ""
    others: dict[str, Result] = field_(default_factory=dict)  # by the names that the supplements give them
    duels: dict[tuple[str, str], Counter[str]] = field_(default_factory=dict)  # how often each word
    ahead: dict[tuple[str, str], str] = field_(default_factory=dict)  # where another row than the paper's leads: which
    unlike: Counter[str] = field_(default_factory=Counter)  # lost to a row that estimates something else, by panel
    seeds_alone: dict[str, None] = field_(default_factory=dict)  # the boards where some rows were not resampled

    def words(self, panel: str) -> Counter[str]:
        """Over all boards."""
        return sum((count for (_, p), count in self.duels.items() if p == panel), Counter[str]())


def rivals(board: Board, paper: Paper) -> Iterator[Finding]:
    """How often the paper's method beats its rivals, those of all its supplements, on boards of real rows."""
    there, untuned, found = field(board), board.untuned, _Rivalry()
    for dataset in there.real:
        mine, against = untuned.numbers(dataset, *row(paper.own)), _rivals(untuned, dataset, paper)
        if mine is None or not against:
            continue
        found.label = mine.label
        found.others |= against
        pairs = [Pair(mine.label, mine, name, other) for name, other in against.items()]
        for panel, metric in zip(PANELS, there.metrics(dataset), strict=True):
            words = judged(untuned, dataset, pairs, metric)
            found.duels[dataset, panel] = Counter(word for _, word in words)
            if metric in ERRORS:
                found.unlike[panel] += sum(
                    word == "worse" and unlike(untuned, mine, gap.pair.other) for gap, word in words
                )
            if any(gap.found and not gap.drawn for gap, _ in words):
                found.seeds_alone[dataset] = None
            if (tested := contest(untuned, dataset, metric)) and tested.best is not mine:
                found.ahead[dataset, panel] = tested.best.label
    if found.duels:
        yield _rivalry(paper, found)


def _rivals(board: Board, dataset: str, paper: Paper) -> dict[str, Result]:
    """Those with numbers, by the names that the supplements give them."""
    named = ((rival, rival.method or s.method) for s in supplements(paper) for rival in s.rivals)
    found = {rival.name: board.numbers(dataset, method, rival.variant) for rival, method in named}
    return {name: entry for name, entry in found.items() if entry}


def _rivalry(paper: Paper, found: _Rivalry) -> Finding:
    clean = [board for board, words in found.duels.items() if words["better"] == words.total() > 0]
    texts = [text for panel in PANELS if (text := _score(found, panel))]
    for dataset, panel in (board for board in clean if board in found.ahead):
        other = found.ahead[dataset, panel]
        texts.append(f"no rival of its paper, and ahead of it by {panel} on {plain(dataset)}, is {other}")
    if own := [plain(dataset) for dataset, _ in clean if dataset in chosen_on(paper)]:
        texts.append(f"its default was chosen by the validation rows of {sentence_list(own)}, its rivals' were not")
    if alone := [plain(dataset) for dataset in found.seeds_alone]:
        texts.append(f"some by the spread of seeds alone, for want of resampling, on {sentence_list(alone)}")
    simple = [name for name, entry in found.others.items() if entry.trees or entry.label_only]
    among = f", among them {sentence_list([plain(name) for name in simple])}" if simple else ""
    won = [f"{panel} on {plain(dataset)}" for dataset, panel in clean]
    head = f"beats all rivals of its paper by {sentence_list(won)}" if won else "nowhere beats all rivals of its paper"
    where = boards(dict.fromkeys(dataset for dataset, _ in found.duels))
    link = paper_of(paper.key, next(s.key for s in supplements(paper) if s.rivals), "pair by pair")
    text = (
        f"**{found.label} {head}.** Against {len(found.others)} rivals that it has or leaves out{among}, beyond noise, "
        f"on {where}: {'; '.join(texts)} ({link})."
    )
    return Finding(f"rivals-{paper.key}", text)


def _score(found: _Rivalry, panel: str) -> str:
    """ "by MAE 2 won, 16 lost (9 of them to rows that estimate something else), 22 open"; "" without duels."""
    words = found.words(panel)
    if not (total := words.total()):
        return ""
    unlike = found.unlike[panel]
    lost = f"{words['worse']} lost" + f" ({unlike} of them to rows that estimate something else)" * bool(unlike)
    return f"by {panel} {words['better']} won, {lost}, {total - words['better'] - words['worse']} open"
