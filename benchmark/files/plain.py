"""Text from files, as a terminal may show it: a title or a path with an escape character must not move the cursor."""

import logging
import unicodedata
from typing import Any

from rich.console import Console

_CONTROL = (
    "Cc",
    "Cf",
    "Zl",
    "Zp",
    "Cs",
)  # categories of Unicode: controls, directions, separators of lines, surrogates
_KEPT = "\n\t\u200d"  # a new line, a tab, and the joiner inside an emoji


def plain(text: str) -> str:
    """Returns the text with control characters written out: "\\x1b" for the escape character."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_written(one) if unicodedata.category(one) in _CONTROL and one not in _KEPT else one for one in text)


def _written(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 1 << 16 else f"\\U{code:08x}"


class PlainConsole(Console):
    """A console that prints texts without their control characters."""

    def print(self, *objects: Any, **how: Any) -> None:
        """As rich's own, with every text made plain."""
        super().print(*(plain(one) if isinstance(one, str) else one for one in objects), **how)


class PlainFormatter(logging.Formatter):
    """A log's lines without control characters."""

    def format(self, record: logging.LogRecord) -> str:
        """The message, made plain."""
        return plain(super().format(record))
