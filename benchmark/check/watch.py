"""Watches what a method's functions do while they run, and says in which line of the author's file."""

import linecache
import random
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from benchmark import ROOT

# what asks a tensor for its values, or makes a shape of them
_SPELT = {
    "__bool__": "an `if`, `while`, `and` or `not` on a tensor",
    "__getitem__": "an index by a boolean mask",
    "__int__": "int() of a tensor",
    "__float__": "float() of a tensor",
    "__index__": "a tensor used as a number",
    "__format__": "a tensor in a string",
    "__repr__": "a tensor that is printed",
    "__contains__": "`in` on a tensor",
    "__array__": "NumPy on a tensor",
    "where": "torch.where of a condition alone",
} | {
    name: f".{name}()"
    for name in ("item", "tolist", "numpy", "nonzero", "argwhere", "masked_select", "unique", "unique_consecutive")
}
_SOMETIMES = {"__getitem__", "where"}  # it depends on their arguments
_PAIRWISE = {"outer", "ger", "kron", "cartesian_prod", "meshgrid", "cdist", "matmul", "__matmul__", "mv", "einsum"}


@dataclass(frozen=True)
class Author:
    """Whose lines are meant: the method's own file or folder, then whatever else lies below `methods/`."""

    module: str  # "methods.tr", "methods.gr.method"
    folder: Path = ROOT / "methods"

    def line(self, files: Sequence[tuple[str, int]]) -> str:
        """The innermost of these (file, line), outermost first, that is the author's: "methods/tr.py, line 31:
        `return ...`"; "" where none is."""
        own = self.module.split(".")[1]
        mine, ours = [], []
        for name, number in files:
            path = Path(name)
            if path.is_relative_to(self.folder):
                ours.append((path, number))
                if path.relative_to(self.folder).parts[0] in (own, f"{own}.py"):
                    mine.append((path, number))
        for path, number in reversed(mine or ours):
            text = linecache.getline(str(path), number).strip()
            where = f"methods/{path.relative_to(self.folder)}, line {number}"
            return where + (f": `{text}`" if text else "")
        return ""

    def here(self) -> str:
        """The author's line that is running."""
        frame: FrameType | None = sys._getframe(1)
        files = []
        while frame is not None:
            files.append((frame.f_code.co_filename, frame.f_lineno))
            frame = frame.f_back
        return self.line(files[::-1])

    def of(self, error: BaseException) -> str:
        """The author's line that an error went through, or that cannot be read."""
        trace: TracebackType | None = error.__traceback__
        files = []
        while trace is not None:
            files.append((trace.tb_frame.f_code.co_filename, trace.tb_lineno))
            trace = trace.tb_next
        if isinstance(error, SyntaxError) and error.filename and error.lineno:
            files.append((error.filename, error.lineno))
        return self.line(files)


@dataclass
class Seen:
    """What a call did that it should not, each with the author's line, first come first."""

    asked: dict[str, str] = field(default_factory=dict)  # line -> what asked a tensor for its value
    drawn: dict[str, str] = field(default_factory=dict)  # line -> what drew
    paired: dict[str, str] = field(default_factory=dict)  # line -> the two shapes that became [B, B]


class _Calls(TorchFunctionMode):
    """Sees torch's functions as the author calls them, not what they are made of."""

    def __init__(self, seen: Seen, author: Author, rows: int) -> None:
        super().__init__()
        self.seen, self.author, self.rows = seen, author, rows

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", str(func))
        alone = name == "where" and len(args) + len(kwargs) == 1
        if (name in _SPELT and name not in _SOMETIMES) or alone or _by_mask(name, args):
            if (line := self.author.here()) and not _mapped_by_itself():
                self.seen.asked.setdefault(line, _SPELT[name])
        elif name not in _PAIRWISE and (shapes := self._meets(list(args) + list(kwargs.values()))):
            self.seen.paired.setdefault(self.author.here(), shapes)
        return func(*args, **kwargs)

    def _meets(self, arguments: list[Any]) -> str:
        """Whether a column [B, 1] meets a row [B], by which each row of the batch meets every other, and one of them
        comes from the parameters and the other does not, as a prediction and a label. Distances between rows, written
        as `x.unsqueeze(1) - x`, are of one kind."""
        tensors = [a for a in arguments if isinstance(a, Tensor)]
        column = next((a for a in tensors if a.dim() >= 2 and a.shape[-2:] == (self.rows, 1)), None)
        row = next((a for a in tensors if a.shape == (self.rows,)), None)
        if column is None or row is None or column.requires_grad == row.requires_grad:
            return ""
        return f"{list(column.shape)} and {list(row.shape)}"


class _Draws(TorchDispatchMode):
    """Sees every draw of torch, wherever it comes from."""

    def __init__(self, seen: Seen, author: Author) -> None:
        super().__init__()
        self.seen, self.author = seen, author

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if torch.Tag.nondeterministic_seeded in func.tags and (line := self.author.here()):
            self.seen.drawn.setdefault(line, f"torch ({func.overloadpacket.__name__.strip('_')})")
        return func(*args, **(kwargs or {}))


@contextmanager
def drawing_on_the_host(author: Author) -> Iterator[Seen]:
    """What inside draws from generators of NumPy and Python that all share."""
    seen, before = Seen(), _global_states()
    with _host_draws(seen, author):
        yield seen
    if _global_states() != before and not seen.drawn:
        seen.drawn[""] = "a generator of NumPy or Python"


@contextmanager
def watched(author: Author, rows: int) -> Iterator[Seen]:
    """What happens inside on a batch of so many rows, a number that no other dimension has."""
    with (
        drawing_on_the_host(author) as seen,
        _Draws(seen, author),
        _Calls(seen, author, rows),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # what they warn of is told in the check's own words
        yield seen


def _global_states() -> tuple[Any, ...]:
    """Of NumPy's and Python's own generators."""
    state: Any = np.random.get_state()  # noqa: NPY002 (it is watched, not drawn from)
    return state[1].tobytes(), state[2], random.getstate()


@contextmanager
def _host_draws(seen: Seen, author: Author) -> Iterator[None]:
    """Stand in for the functions of numpy.random and random, which no mode of torch sees."""
    kept: list[tuple[Any, str, Any]] = []

    def noted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def draw(*args: Any, **kwargs: Any) -> Any:
            seeded = name.endswith(".default_rng") and any(arg is not None for arg in (*args, *kwargs.values()))
            if not seeded and not _importing() and (line := author.here()):
                seen.drawn.setdefault(line, name)
            return function(*args, **kwargs)

        return draw

    for module, known in ((np.random, np.random.__all__), (random, random.__all__)):
        for name in known:
            function = getattr(module, name)
            if name not in ("get_state", "set_state", "getstate", "setstate") and not isinstance(function, type):
                kept.append((module, name, function))
                setattr(module, name, noted(f"{module.__name__}.{name}", function))
    try:
        yield
    finally:
        for module, name, function in kept:
            setattr(module, name, function)


def _importing() -> bool:
    """Whether this runs because a library is imported for the first time: what it draws for itself is its own."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _mapped_by_itself() -> bool:
    """Whether this runs inside an operation that says itself how it is mapped over replicas: there values are known."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name, _, function = frame.f_code.co_qualname.rpartition(".")
        if function == "forward":
            owner = frame.f_globals.get(name)
            if isinstance(owner, type) and issubclass(owner, torch.autograd.Function) and "vmap" in vars(owner):
                return True
        frame = frame.f_back
    return False


def _by_mask(name: str, args: Sequence[Any]) -> bool:
    """An index by a boolean tensor: how many rows come out depends on its values."""
    if name != "__getitem__" or len(args) < 2:
        return False
    index = args[1] if isinstance(args[1], tuple) else (args[1],)
    return any(isinstance(part, Tensor) and part.dtype in (torch.bool, torch.uint8) for part in index)
