"""Files that are joined to a log by an id: each id once, and nearly every row of the log known."""

import logging
from pathlib import Path

import numpy as np

from datasets.base import BadData
from datasets.reading.delimited import line_of_row
from datasets.schema import Array

log = logging.getLogger(__name__)

MOST_MISSING = 0.1  # of the rows: where a file lacks the ids of more, it is cut off or of another release
SAMPLE = 100  # rows of both files: with less they may be samples that do not belong together


def check_unique(path: Path, name: str, ids: Array) -> None:
    """Raises BadData for an id that has more than one row in a file with a header: which of them would count?"""
    order = np.argsort(ids, kind="stable")
    again = np.flatnonzero(ids[order][1:] == ids[order][:-1]) + 1
    if len(again):
        first, second = (line_of_row(path, int(row)) for row in order[again[0] - 1 : again[0] + 1])
        raise BadData(f"{path}: {name} {ids[order[again[0]]]} has more than one row, in lines {first} and {second}; "
                      "remove one of them or get the file again")  # fmt: skip


def check_known(
    path: Path, lacked: str, missing: int, rows: int, *, most: float | None = None, what: str = "rows"
) -> None:
    """A file may lack what a few of the log's rows need, which is logged.

    BadData where it lacks that of more than `most` of the rows (MOST_MISSING by default).
    """
    most = MOST_MISSING if most is None else most
    if missing > most * rows:
        raise BadData(
            f"{path}: lacks the {lacked} of {missing:,} of {rows:,} {what}, so it is cut off or of another release; "
            "get the file again"
        )
    if missing:
        log.warning("%s lacks the %s of %s of %s %s", path, lacked, f"{missing:,}", f"{rows:,}", what)
