"""A copy of the sources with a world and methods that train in no time, for whole runs in processes of their own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.copies import copy_sources

_METHODS = '''"""Made up."""

import time
from dataclasses import dataclass

import numpy as np

from methods.backbone import BackboneConfig
from methods.base import Estimator
from methods.tr import TR


class Tiny(TR):
    """A small TR."""

    name = "tiny"
    variants = {"paper": {"lr": 3e-3, "dropout": 0.0}}
    space = {"lr": ("log", 1e-3, 1e-1), "dropout": (0.0, 0.1, 0.2), "dim": (2, 3)}

    @dataclass(frozen=True)
    class Config(BackboneConfig):
        """Small."""

        dim: int = 2
        hidden: tuple[int, ...] = (4,)


class Shift(Estimator):
    """The median and a shift."""

    name = "shift"
    space = {"by": (-1.0, 0.0, 1.0)}

    @dataclass(frozen=True)
    class Config:
        """by: seconds."""

        by: float = 0.0

    def fit(self, train, valid, schema, rng):
        return np.median(train.label) + self.config.by

    def predict(self, fitted, rows):
        return np.full(len(rows), fitted)


class Picky(Shift):
    """Takes nothing but its default."""

    name = "picky"
    space = {"by": (-1.0, 1.0)}

    @dataclass(frozen=True)
    class Config:
        """by: 0."""

        by: float = 0.0

        def __post_init__(self):
            if self.by:
                raise ValueError("by is 0, and nothing else")


class Hopeless(Shift):
    """Fails with every setting."""

    name = "hopeless"

    def fit(self, train, valid, schema, rng):
        raise RuntimeError("no hope")


class Spaceless(Shift):
    """Has nothing to tune."""

    name = "spaceless"
    space = {}


class Muddled(Shift):
    """Has a space that is none."""

    name = "muddled"
    space = {"bye": (1.0,)}
'''
SUITE = """title = "Made up"
seeds = 2

[[grid]]
datasets = ["synthetic"]
methods = ["tiny", "shift", "picky", "hopeless", "spaceless", "muddled"]

[[search]]
name = "rates"
method = "tiny"
grid = { lr = [1e-3, 1e-2], dim = [2, 3] }
"""


_SERVER = """
import io, json, sys
from contextlib import redirect_stderr, redirect_stdout
from benchmark.cli.app import main

answers = sys.stdout
for line in sys.stdin:
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        code = main(json.loads(line))
    answers.write(json.dumps([code, said.getvalue()]) + chr(10))
    answers.flush()
"""


class Session:
    """A process in the copy that takes one command line after the other: libraries are imported once."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def run(self, *arguments: str, code: int = 0) -> str:
        """What `python -m benchmark` prints, both streams; a run trains in the process itself."""
        here = ("--executor", "inline") if arguments[0] == "run" else ()
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps([*arguments, *here]) + "\n")
        self.process.stdin.flush()
        found, said = json.loads(self.process.stdout.readline())
        assert found == code, said
        return str(said)


class World:
    """The copy; `run` types `python -m benchmark` in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        copy_sources(folder)
        self.methods = folder / "methods" / "made_up.py"
        self.methods.write_text(_METHODS)
        (folder / "benchmark" / "suites" / "made_up.toml").write_text(SUITE)
        synthetic = folder / "datasets" / "synthetic.py"
        small = 'Synthetic("synthetic", rows=1500, users=60, videos=40, epochs=4, patience=2, batch=128),'
        assert synthetic.read_text().count('Synthetic("synthetic"),') == 1
        synthetic.write_text(synthetic.read_text().replace('Synthetic("synthetic"),', small))

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "benchmark", *arguments]

    def run(self, *arguments: str, code: int = 0) -> str:
        """What it prints, both streams."""
        return self._done(self.command(*arguments), code)

    def python(self, text: str, *arguments: str) -> str:
        """What a program in the copy prints."""
        return self._done([sys.executable, "-c", text, *arguments], 0)

    def _done(self, command: list[str], code: int) -> str:
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A process that runs commands on the code as it is now."""
        command = [sys.executable, "-c", _SERVER]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, cwd=self.folder, stdin=pipe, stdout=pipe, text=True) as process:
            yield Session(process)
            assert process.stdin is not None
            process.stdin.close()

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(self.command(*arguments), cwd=self.folder, **quiet)
