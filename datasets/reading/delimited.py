"""Delimited text, plain or gzipped, in pieces that end where a record ends, whatever the size of a piece.

A cell in quotes may hold line ends. Quotes are taken strictly (RFC 4180): one that is never closed, or stands inside a
cell that does not begin with one, is refused by its line, for lenient readers swallow rows there.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple

import numpy as np

from datasets.base import BadData, Unreadable
from datasets.schema import Array

_LONGEST = 1 << 28  # bytes of a record: a longer one is no cell but a quote that was never closed
_HEADER = 1 << 20
_LINE_END, _QUOTE = 10, 34


class Piece(NamedTuple):
    """Whole records of a file; line ends are "\\n"."""

    path: Path
    line: int  # of the first byte, from 1
    text: bytes
    quotes: Array  # [q] where the quotes are: 2k opens and 2k + 1 closes; none where quotes have no meaning

    def line_of(self, record: int) -> int:
        """The line on which a record begins. Empty lines are no records."""
        return self.line + self.text.count(b"\n", 0, int(self._starts()[record]))

    def records(self) -> int:
        return len(self._starts())

    def _starts(self) -> Array:
        ends = _record_ends(self.text, self.quotes)
        starts = np.append(0, ends + 1)
        ends = np.append(ends, len(self.text))
        return starts[ends > starts]


def pieces(
    path: Path, *, size: int, delimiter: str = ",", quoting: bool = True, header: bool = True
) -> Iterator[Piece]:
    """The records of a file below its header. `quoting`: whether quotes have a meaning.

    Raises BadData, in one line that names the file and the line in it.
    """
    line, rest, whole = 1, b"", False
    with opened(path) as read:
        texts = _unix(_ahead(read, size))
        while not whole:
            got, whole = _at_least(len(rest), texts)  # twice as much for a record longer than a piece: linear in all
            if (at := got.find(b"\0")) >= 0:
                raise BadData(
                    f"{path}: line {line + (rest + got[:at]).count(10)} holds a NUL byte, which no text has: the file "
                    "is damaged; get it again"
                )
            text = rest + got
            if header:
                first = text.find(b"\n") + 1
                if not first and not whole:
                    rest = _bounded(path, line, text, _HEADER)
                    continue
                text, line, header = text[first:] if first else b"", 2, False
            quotes = np.flatnonzero(_bytes(text) == _QUOTE) if quoting and b'"' in text else np.empty(0, np.int64)
            _check_quotes(path, line, text, quotes, delimiter, whole)
            cut = len(text) if whole else _last_end(text, quotes)
            rest = _bounded(path, line, text[cut:], _LONGEST)
            if cut:
                yield Piece(path, line, text[:cut], quotes[: np.searchsorted(quotes, cut)])
                line += text.count(b"\n", 0, cut)


def _ahead(read: Callable[[int], bytes], size: int) -> Iterator[bytes]:
    """The text in parts of `size` bytes, the next read, and unpacked, while one is parsed."""
    other = ThreadPoolExecutor(1)
    try:
        part = other.submit(read, size)
        while text := part.result():
            part = other.submit(read, size)
            yield text
    finally:  # without a wait: what is left of an iterator may be collected in the very thread that reads ahead
        other.shutdown(wait=False, cancel_futures=True)


def _unix(texts: Iterator[bytes]) -> Iterator[bytes]:
    """The same text with "\\n" at the end of each line."""
    held = b""
    for text in texts:
        text = held + text if held else text
        held = b"\r" if text.endswith(b"\r") else b""  # the "\n" may be in the next part
        text = text[:-1] if held else text
        yield text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in text else text
    if held:
        yield b"\n"


def _at_least(size: int, texts: Iterator[bytes]) -> tuple[bytes, bool]:
    """Parts put together until they are `size` bytes, and whether the text has ended."""
    parts: list[bytes] = []
    for text in texts:
        parts.append(text)
        if sum(map(len, parts)) >= size:
            return b"".join(parts) if len(parts) > 1 else text, False
    return b"".join(parts), True


def whole_text(path: Path, most: int) -> bytes:
    """A small file's text, with "\\n" at the end of each line. Raises BadData where it has more than `most` bytes."""
    parts: list[bytes] = []
    with opened(path) as read:
        for part in _unix(_ahead(read, _HEADER)):
            parts.append(part)
            if sum(map(len, parts)) > most:
                raise BadData(f"{path}: has more than {most:,} bytes, far more than the official file; get it again")
    return b"".join(parts)


def line_of_row(path: Path, row: int) -> int:
    """The line of a row, from 0, of a file with a header: a second reading, for an error alone."""
    for piece in pieces(path, size=1 << 24):
        if row < (records := piece.records()):
            return piece.line_of(row)
        row -= records
    raise IndexError(row)


def header(path: Path, delimiter: str = ",") -> list[str]:
    """The column names in a file's first line, without the spaces around them. Raises BadData."""
    text = first_line(path)
    try:
        names = next(csv.reader(io.StringIO(text), delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise BadData(f"{path}: line 1 is not a line of column names ({error}); get the file again") from error
    return [name.strip() for name in names]


def first_line(path: Path) -> str:
    """The text of a file's first line, without its end. Raises BadData where the file is empty or no text."""
    with opened(path) as read:
        text = read(_HEADER)
    if not text:
        raise BadData(f"{path}: the file is empty; get the file again")
    raw = text.replace(b"\r", b"\n").partition(b"\n")[0]
    if len(raw) == _HEADER:
        raise BadData(f"{path}: line 1 has no end within {_HEADER:,} bytes: this is no delimited text; get it again")
    if b"\0" in raw:
        raise BadData(f"{path}: line 1 holds a NUL byte: the file is damaged or not UTF-8; get it again")
    try:
        line = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        why = f"{error.reason} at byte {error.start}"
        raise BadData(f"{path}: line 1 is not UTF-8 ({why}); get the file again") from None
    if not line.strip():
        raise BadData(f"{path}: line 1 is empty, where a header or a row is expected; get the file again")
    return line


def check_names(path: Path, found: Sequence[str], wanted: Sequence[str], optional: Sequence[str] = ()) -> None:
    """Raises BadData for a wanted column that is missing and for one whose name stands there twice."""
    if missing := [name for name in wanted if name not in found]:
        raise BadData(f"{path}: no column {listed(missing)}; line 1 has {listed(found)}: get the file again, or rename")
    if doubled := [name for name in (*wanted, *optional) if found.count(name) > 1]:
        raise BadData(f"{path}: line 1 has more than one column {listed(doubled)}; remove or rename all but one")


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """`read(size)`, which returns that many bytes of the text, fewer only at its end.

    Raises Unreadable where the file cannot be opened and BadData where it is no whole gzip file.
    """
    import pyarrow as pa

    packed, reading = path.suffix == ".gz", RLock()
    try:
        with path.open("rb") as file, pa.input_stream(file, compression="gzip" if packed else None) as stream:

            def read(size: int) -> bytes:
                try:
                    with reading:
                        parts = [stream.read(size)]
                        while parts[-1] and (lacking := size - sum(map(len, parts))):
                            parts.append(stream.read(lacking))
                except (OSError, EOFError, pa.ArrowInvalid) as error:
                    kind = "a truncated or damaged gzip file" if packed else "cannot be read"
                    why = (str(error).splitlines() or [type(error).__name__])[0][:200]
                    raise BadData(f"{path}: {kind} ({why}); get the file again") from error
                return b"".join(parts) if len(parts) > 1 else parts[0]

            try:
                yield read
            finally:
                with reading:  # whoever reads ahead in another thread has ended before the file is closed
                    pass
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> Unreadable:
    """The error for a file or folder that is there and cannot be opened."""
    why = (error.strerror or str(error) or type(error).__name__).lower()
    return Unreadable(f"{path}: cannot be read ({why}); give yourself the right to read it, or pass another --data")


def listed(names: Sequence[str], most: int = 24) -> str:
    """Names in quotes, cut where there are very many or very long ones."""
    words = [repr(name if len(name) <= 40 else f"{name[:37]}...") for name in names[:most]]
    return ", ".join(words) + (f" and {len(names) - most:,} more" if len(names) > most else "")


def _bytes(text: bytes) -> Array:
    return np.frombuffer(text, np.uint8)


def _record_ends(text: bytes, quotes: Array) -> Array:
    """Where the line ends outside quotes are."""
    ends = np.flatnonzero(_bytes(text) == _LINE_END)
    return ends[np.searchsorted(quotes, ends) % 2 == 0] if len(quotes) else ends


def _last_end(text: bytes, quotes: Array) -> int:
    """How many bytes are whole records."""
    if not len(quotes):
        return text.rfind(b"\n") + 1
    ends = _record_ends(text, quotes)
    return int(ends[-1]) + 1 if len(ends) else 0


def _check_quotes(path: Path, line: int, text: bytes, quotes: Array, delimiter: str, whole: bool) -> None:
    """Raises BadData at the first quote that is not where one may be. `whole`: nothing comes behind this text."""
    if not len(quotes):
        return
    data, between = _bytes(text), (ord(delimiter), _LINE_END, _QUOTE)  # a quote beside a quote stands for one
    opens, closes = quotes[0::2], quotes[1::2]
    before = np.where(opens > 0, data[opens - 1], _LINE_END)
    after = np.where(closes + 1 < len(data), data[np.minimum(closes + 1, len(data) - 1)], _LINE_END)
    wrong_open, wrong_close = ~np.isin(before, between), ~np.isin(after, between)
    first_open = int(opens[wrong_open.argmax()]) if wrong_open.any() else len(data)
    at = int(wrong_close.argmax()) if wrong_close.any() else -1
    if at >= 0 and opens[at] < first_open:
        start, end = (line + text.count(b"\n", 0, int(place)) for place in (opens[at], closes[at]))
        raise BadData(f"{path}: the quote opened in line {start} is closed inside a cell, in line {end}: a quote is "
                      f"missing or too many; mend line {start} or get the file again")  # fmt: skip
    if first_open < len(data):
        start = line + text.count(b"\n", 0, first_open)
        raise BadData(f"{path}: line {start} has a quote inside a cell that does not begin with one; mend that line "
                      "or get the file again")  # fmt: skip
    if whole and len(quotes) % 2:
        raise _never_closed(path, line + text.count(b"\n", 0, int(quotes[-1])))


def _bounded(path: Path, line: int, rest: bytes, most: int) -> bytes:
    """What is left of a piece, or BadData where it is too long to be a record."""
    if len(rest) <= most:
        return rest
    if rest.count(b'"') % 2:
        raise _never_closed(path, line + rest.count(b"\n", 0, rest.rfind(b'"')))
    raise BadData(f"{path}: line {line} is longer than {most:,} bytes: this is no delimited text; get the file again")


def _never_closed(path: Path, line: int) -> BadData:
    return BadData(f"{path}: a quote is opened in line {line} and never closed; mend that line or get the file again")
