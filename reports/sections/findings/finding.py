"""A sentence of the front page, and where its evidence stands."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reports.markup.document import slug
from reports.markup.text import plain, sentence_list


@dataclass(frozen=True)
class Finding:
    """Markdown: the answer in bold, then its numbers, with links to what they rest on."""

    key: str
    text: str


def board_of(dataset: str) -> str:
    """A link to a board's page."""
    return f"[{plain(dataset)}](@{slug('board', dataset)})"


def boards(datasets: Iterable[str]) -> str:
    """Links to the pages of boards, as a list of a sentence."""
    return sentence_list([board_of(dataset) for dataset in datasets])


def paper_of(key: str, anchor: str, words: str) -> str:
    """A link to a section of a paper's page."""
    return f"[{words}](@{slug('paper', key)}#{anchor})"


def of(count: int, total: int) -> str:
    """ "none of 4", "all 4", "3 of 4" """
    if not count:
        return f"none of {total}"
    return f"all {total}" if count == total and total > 1 else f"{count} of {total}"


def most(found: Counter[str]) -> str:
    """Those with the highest count, by name."""
    return sentence_list(sorted(name for name, count in found.items() if count == max(found.values())))


def listed(names: Sequence[str], longest: int = 3) -> str:
    """ "a, b, c and 2 more" """
    rest = len(names) - longest
    return sentence_list([*names[:longest], f"{rest} more"] if rest > 1 else list(names))


def names(datasets: Iterable[str]) -> str:
    return sentence_list([plain(dataset) for dataset in datasets])
