"""Errors a user can mend: the command line prints them in one line and exits with code 2."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """What was expected, what came, and what to type next."""


def unknown(kind: str, name: str, known: Iterable[str], hint: str = "") -> UserError:
    """The error for a name that is not there, with the nearest one that is."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1, cutoff=0.4)
    guess = f"; did you mean {near[0]!r}?" if near else "."
    return UserError(
        f"no {kind} named {name!r}{guess} Known: {', '.join(names) or 'none'}.{' ' + hint if hint else ''}"
    )
