"""The README is true: its method runs, its table is that of the report, its verbs exist."""

import re
from pathlib import Path

import numpy as np

from benchmark import ROOT
from benchmark.cli.app import app
from benchmark.train.trainer import Plan, Trainer
from tests.worlds import watch_world

TEXT = (ROOT / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_the_method_shown_learns() -> None:
    scope: dict[str, object] = {"__name__": "methods.mae"}
    exec(compile(PYTHON[0], "README.md", "exec"), scope)
    method = scope["MAE"]
    schema, rows = watch_world(600)
    train, valid = rows.take(np.arange(450)), rows.take(np.arange(450, 600))
    config = method.Config(dim=8, hidden=(16,))  # type: ignore[attr-defined]
    trainer = Trainer(method, schema, train, valid, Plan(32, 20, 20), [0, 1], [config] * 2)  # type: ignore[arg-type]
    trainer.fit()
    assert valid.label is not None
    constant = np.abs(valid.label - np.median(valid.label)).mean()
    assert np.abs(trainer.predict(valid) - valid.label).mean() < constant
    assert len(PYTHON[0].strip().splitlines()) <= 30, "a method should be one small file"


def test_the_table_shown_is_the_reports_own_snippet() -> None:
    assert PYTHON[1].strip() == (ROOT / "reports/templates/snippet.py.txt").read_text().strip()


def test_every_verb_and_path_it_names_is_there() -> None:
    verbs = set(re.findall(r"-m benchmark (\w+)", TEXT)) | set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE))
    assert verbs and verbs <= set(app.resolved_commands())
    links = re.findall(r"\]\(([\w./-]+)\)", TEXT)
    assert not [link for link in links if not Path(ROOT, link).exists()]


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"^make (\w+)", TEXT, re.MULTILINE)) <= targets
