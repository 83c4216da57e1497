"""Where the verbs print."""

import contextlib
import os
import sys

from benchmark.files.plain import PlainConsole


class _Lasting(PlainConsole):
    """A console whose reader may go, as with `| head`: the work goes on in silence."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        hush()


console = _Lasting()


def hush() -> None:
    """Let standard output lead nowhere, with what is still buffered for it."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # no file behind it, or none left
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def say(line: str) -> None:
    """Print a line as it is: it may hold brackets."""
    console.print(line, highlight=False, soft_wrap=True, markup=False)
