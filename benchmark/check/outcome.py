"""What a check found: passed, or a fault in plain words with the author's line."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmark.check.watch import Author


class Stop(Exception):
    """What comes next cannot be checked, because of a fault that is told already."""


@dataclass(frozen=True)
class Fault:
    """One thing to mend. `code` names its kind in one word, for tests and tools."""

    code: str
    text: str
    line: str = ""

    def __str__(self) -> str:
        return self.text + (f"\n        {self.line}" if self.line else "")


@dataclass
class Outcome:
    """Everything that was found of a method, in the order of the checks."""

    author: Author
    passed: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        return not self.faults

    def fault(self, code: str, text: str, line: str = "") -> None:
        """Note it once."""
        if not any(known.code == code for known in self.faults):
            self.faults.append(Fault(code, text, line))

    @contextmanager
    def during(self, what: str) -> Iterator[None]:
        """An error inside is a fault of `what`, told by the author's line; nothing that needs it is checked."""
        try:
            yield
        except Stop:
            raise
        except (Exception, SystemExit) as error:  # whatever a user's file raises belongs to that file
            self.fault(what.split()[0].strip("`"), f"{what} fails: {plain(error)}", self.author.of(error))
            raise Stop from None

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """A check that passes where nothing inside notes a fault."""
        before = len(self.faults)
        yield
        if len(self.faults) == before:
            self.passed.append(what)


def plain(error: BaseException) -> str:
    """An error in one line, without vmap's and dispatch's own words."""
    text = " ".join(str(error).split())
    if isinstance(error, AttributeError) and "'NoneType' object has no attribute" in text:
        asked = text.rsplit("'", 2)[-2]
        return f"`.{asked}` of None: so is a column that a dataset lacks, and in `predict` the label and the draws"
    if "vmap" in text or "BatchedTensor" in text:
        return f"it cannot be run for several seeds at once ({text.split('. ')[0][:160]})"
    if isinstance(error, SyntaxError):
        text = error.msg
    if isinstance(error, KeyError):
        text += " is not there (`batch.targets` is empty in `predict`, `fitted` holds what `fit` returns)"
    if "dtype" in text and ("Double" in text or "Float" in text or "float" in text):
        text += " (make new tensors like those at hand: `x.new_zeros(...)`, `dtype=x.dtype`)"
    return f"{type(error).__name__}: {text[:400]}"
