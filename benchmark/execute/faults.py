"""Whose fault an exception is, and how it is told in one line."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from benchmark.execute.code import CodeMoved
from benchmark.execute.events import Failed, Fault

_OF_THE_CODE = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError)  # a path that is wrong
_SIGNS = (  # in the text of errors whose type does not tell
    "can't allocate memory",  # torch, on a CPU
    "CUDA out of memory",
    "CUDA error: out of memory",
    "can't start new thread",
    "no locator available",  # numba, where no folder for compiled functions can be written
    *(os.strerror(code) for code in (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT)),
)


def fault(error: BaseException) -> Fault:
    """Returns who is at fault: by the error's type, its causes' types, or its text."""
    from datasets.base import BadData, CacheError, NotAvailable, TooFew

    if isinstance(error, CodeMoved):
        return "code"
    if isinstance(error, TooFew):
        return "few"
    if isinstance(error, BadData | CacheError | NotAvailable):
        return "data"
    return "environment" if any(map(_is_of_machine, _causes(error))) else "method"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yields the error, and what it was raised from."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _is_of_machine(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno is not None and not isinstance(error, _OF_THE_CODE)
    return isinstance(error, RuntimeError | ImportError) and any(sign in str(error) for sign in _SIGNS)


def of_machine(error: OSError | MemoryError) -> str:
    """Returns what this machine lacks, and which file it was about."""
    if isinstance(error, MemoryError):
        return " ".join(f"memory ran out {error}".split())
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)


def one_line(error: BaseException) -> str:
    """Returns the error's type and text, and the line of the file that raised it."""
    trace, where = error.__traceback__, ""
    while trace is not None:
        where = f" ({Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno})"
        trace = trace.tb_next
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:400]}{where}"


def failed(error: BaseException, dataset: str) -> Failed:
    """Returns the event of a job on this dataset that raised the error."""
    match fault(error):
        case "data" | "few" as whose:
            return Failed(f"{dataset}: {error}", whose)
        case "code":
            return Failed(str(error), "code")
        case whose:
            return Failed(one_line(error), whose)
