"""The verbs of a method's author: write a new method's file, check what a method must hold."""

import keyword
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from benchmark import ROOT
from benchmark.cli.console import say
from benchmark.cli.options import known_methods
from benchmark.files.errors import UserError
from benchmark.plan.catalog import Entry

_TEXT = '''"""{title}: what it predicts and where it comes from, in one sentence."""

from dataclasses import dataclass

import torch

from methods.backbone import BackboneConfig, Regressor
from methods.base import Method


class {title}(Method):
    """Huber regression on the label in units of its training deviation. What differs from the paper, and why?"""

    title = "{title}"  # as the tables print it
    paper = "not published"
    estimates = ""  # of the label given x: "mean", "median", or neither
    space = {{"delta": ("log", 0.1, 10.0)}}  # what a search may tune

    @dataclass(frozen=True)
    class Config(BackboneConfig):
        delta: float = 1.0  # the error at which the loss turns from squared to absolute

    def fit(self, train, rng):  # whatever is learned from the training rows beforehand
        return {{"scale": torch.tensor(max(float(train.label.std()), 1e-6))}}

    def build(self, schema, fitted):  # the backbone that all methods share, and your head
        return Regressor(schema, self.config, scale=fitted["scale"])

    def loss(self, module, batch):  # a scalar; no `if` on a tensor, no `.item()`
        error = (module(batch)[:, 0] - batch.label / module.scale).abs()  # [B]
        delta = self.config.delta
        return torch.where(error < delta, error.square() / 2, delta * (error - delta / 2)).mean()

    def predict(self, module, batch):  # in the label's unit, [B]
        return (module(batch)[:, 0] * module.scale).clamp_min(0)
'''


def new(
    name: Annotated[str, Parameter(help="Of the file and the method: small letters, digits, underscores.")],
) -> None:
    """Write methods/NAME.py, a small method for you to change; it is found, tested and ranked as it stands."""
    path = write(name, known_methods())
    say(f"wrote {path}: say in it what your method learns and predicts")
    say("the suites take every method, so there is nothing to add to them; next:")
    say(f"  python -m benchmark check {name}")
    say(f"  python -m pytest tests/test_contract.py -k {name}")
    say(f"  python -m benchmark run --suite quick --only {name} --runs build/{name}")


def write(name: str, methods: Mapping[str, Entry], folder: Path = ROOT / "methods") -> Path:
    """Write `<name>.py` of a method that is found, tested and ranked as it stands.

    Raises UserError on a name that is no module's, that a method has, or whose file is there."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise UserError(
            f"{name!r} cannot name a method: small letters, digits and underscores, a letter first, no Python keyword; "
            "say `python -m benchmark new my_method`"
        )
    path = folder / f"{name}.py"
    if name in methods:
        raise UserError(f"there is a method {name!r} already, in {methods[name].module}: take another name")
    if path.exists() or path.with_suffix("").exists():
        raise UserError(f"methods/{name} is there already and holds no method {name!r}: take another name")
    title = "".join(word[:1].upper() + word[1:] for word in name.split("_"))
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(_TEXT.format(title=title))
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror or error})") from None
    return path


def check(
    name: Annotated[str, Parameter(help="Of the method, or its file.")],
) -> int:
    """What a method must hold, in plain words within seconds: shapes, draws, its space, and whether it learns on a
    small world whose truth is known."""
    import torch

    from benchmark.check.named import by_name, lines
    from benchmark.plan.catalog import catalog

    name = Path(name).stem if name.endswith(".py") else name
    torch.set_num_threads(1)  # small matrices
    found = by_name(name, catalog()[0])
    for line in lines(name, found):
        print(line)
    return 0 if found.sound else 1
