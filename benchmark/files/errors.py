"""Errors a user can mend: the command line prints them in one line and exits with code 2."""

from collections.abc import Iterable

from datasets.common.names import no_such

# What msgspec raises of bytes that are not the struct asked for: its own error, that of letters that are no UTF-8 (as
# in the key of an object), both of which are a ValueError; and that of thousands of brackets in each other.
UNREADABLE = (ValueError, RecursionError)


_LONGEST = 1200  # characters of one line


class UserError(Exception):
    """What was expected, what came, and what to type next."""

    def __init__(self, why: str) -> None:
        """why: cut in its middle where it repeats what a file holds at length: its end says what to do."""
        super().__init__(why if len(why) <= _LONGEST else f"{why[: _LONGEST // 2]} ... {why[-_LONGEST // 2 :]}")


def unknown(kind: str, name: str, known: Iterable[str], hint: str = "") -> UserError:
    """The error for a name that is not there, with the nearest one that is."""
    return UserError(no_such(kind, name, sorted(known)) + (f" {hint}" if hint else ""))
