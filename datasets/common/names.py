"""The sentence for a name that is not there."""

from collections.abc import Iterable
from difflib import get_close_matches


def no_such(kind: str, name: str, known: Iterable[str]) -> str:
    """Says that no `kind` has this name, which one is nearest, and which there are, in the order given."""
    names = list(known)
    near = get_close_matches(str(name), names, n=1, cutoff=0.4)  # a file's name may be a number
    guess = f"; did you mean {near[0]!r}?" if near else "."
    return f"no {kind} named {name!r}{guess} Known: {', '.join(names) or 'none'}."
