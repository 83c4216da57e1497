"""Compiled loops come from numba's cache, and are never compiled in the process that trains.

Where numba compiles a function it keeps the code of what that calls beside the copy within, and takes the former; where
it reads the function of its cache there is the copy alone. Loops whose sums may be taken in any order (`fastmath`)
differ between the two in their last digits. So the first process on a machine would train to other bits than every
later one, unless another process compiles before, on a few rows.
"""

import contextlib
import hashlib
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from datasets.common.files import cache_folder, recall, remember
from datasets.schema import Rows, Schema

if TYPE_CHECKING:
    from methods.base import Method

_ROWS = 512  # that are enough to need every loop
_BATCH = 64


def rehearse(
    method: "type[Method]", schema: Schema, train: Rows, valid: Rows, configs: Sequence[Any], device: str = "cpu"
) -> None:
    """Has what a Trainer of these arguments would compile compiled in a process of its own, where that has not been
    done here. What goes wrong there goes wrong again in the training, which tells of it."""
    if device != "cpu" or not (loops := _loops(method)):
        return
    mark = _mark(method, configs[0], loops)
    place = cache_folder() / "rehearsed" / f"{method.name}-{mark[:20]}"
    kept = recall(place, mark)
    if kept is not None and set(kept.decode().split("\n")) <= set(_compiled(loops)):
        return
    few = [rows.take(np.arange(min(len(rows), _ROWS))) for rows in (train, valid)]
    with contextlib.suppress(OSError, subprocess.CalledProcessError, pickle.PicklingError):
        subprocess.run(
            [sys.executable, "-c", "from benchmark.train.rehearsal import perform; perform()"],
            input=pickle.dumps((method, schema, *few, list(configs[:2]))),
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            check=True,
        )
        remember(place, "\n".join(_compiled(loops)).encode(), mark)


def perform() -> None:
    """Train, predict and look inside once, of what comes on standard input."""
    import torch

    from benchmark.train.trainer import Plan, Trainer
    from methods.capabilities import Distribution, Examined

    torch.set_num_threads(1)
    method, schema, train, valid, configs = pickle.load(sys.stdin.buffer)
    for stop in ("loss", "mae"):
        trainer = Trainer(method, schema, train, valid, Plan(_BATCH, 2, 2, stop), range(len(configs)), configs)
        trainer.fit()
    trainer.predict(valid)
    with contextlib.suppress(Exception):  # extras: what becomes of them is for the training to tell
        if issubclass(method, Distribution):
            trainer.quantiles(valid, (0.1, 0.9))
        if issubclass(method, Examined):
            trainer.examine(0, valid)


def _loops(method: "type[Method]") -> list[Any]:
    """The loops of the method's file, or folder, whose sums may be taken in any order."""
    if "numba" not in sys.modules:
        return []
    from numba.core.registry import CPUDispatcher

    package = method.__module__.rpartition(".")[0]
    near = method.__module__ if package == "methods" else package
    modules = [module for name, module in sys.modules.items() if name == near or name.startswith(f"{near}.")]
    found = [one for module in modules for one in vars(module).values() if isinstance(one, CPUDispatcher)]
    return [one for one in found if one.targetoptions.get("fastmath")]


def _mark(method: "type[Method]", config: Any, loops: Sequence[Any]) -> str:
    """What decides which code numba makes of the loops: their files as numba looks at them, the processor, and what of
    a configuration is no number that replicas may differ in."""
    import llvmlite
    import llvmlite.binding as llvm
    import numba

    from benchmark.train.stack import float_fields

    numbers = float_fields(config)
    shape = [(f.name, getattr(config, f.name)) for f in fields(config) if f.name not in numbers]
    files = sorted({path for loop in loops for path in Path(loop.py_func.__code__.co_filename).parent.rglob("*.py")})
    stamps = [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in files]
    versions = numba.__version__, llvmlite.__version__, llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    return hashlib.sha256(repr((method.__module__, method.__name__, shape, stamps, versions)).encode()).hexdigest()


def _compiled(loops: Sequence[Any]) -> list[str]:
    """The files of numba's cache beside the loops and below."""
    folders = {Path(loop.stats.cache_path).parent for loop in loops if loop.stats.cache_path}
    return sorted(str(path) for folder in folders for path in folder.rglob("*.nbi"))
