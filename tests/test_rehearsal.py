"""What trains reads compiled loops of numba's cache: a process of its own has compiled them before."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.copies import copy_sources

_METHOD = '''
import numba
from methods.tr import TR

SUMS = {"reassoc", "nsz", "contract"}


@numba.njit(cache=True, fastmath=SUMS)
def _sum(x):
    total = x.dtype.type(0)
    for i in range(len(x)):
        total += x[i]
    return total


@numba.njit(cache=True, fastmath=SUMS)
def mean(x):
    return _sum(x) / len(x)


class Reordered(TR):
    """A loss with a loop whose sum may be taken in any order."""

    name, title, stack = "reordered", "Reordered", False

    def loss(self, module, batch):
        return super().loss(module, batch) / (1 + abs(mean(batch.label.numpy())))
'''
_TRAIN = """
import json, subprocess, sys
import numpy as np
from benchmark.train.rehearsal import rehearse
from benchmark.train.trainer import Plan, Trainer
from datasets.schema import Field, Rows, Schema
from methods.tr import TR
from methods import reordered

run, started = subprocess.run, []
subprocess.run = lambda *a, **k: started.append(run(*a, **k)) or started[-1]
rng = np.random.default_rng(0)
ids, label = rng.integers(1, 9, (600, 2)).astype(np.int32), rng.random(600).astype(np.float32)
rows = Rows(ids=ids, label=label, duration=label + 1)
schema = Schema("watch_time", "s", (Field("a", 9), Field("b", 9)))
configs = [reordered.Reordered.Config()] * 2
for device in sys.argv[1:]:
    rehearse(TR, schema, rows, rows, [TR.Config()] * 2, device)
    rehearse(reordered.Reordered, schema, rows, rows, configs, device)
trainer = Trainer(reordered.Reordered, schema, rows, rows, Plan(64, 2, 2), [0, 1], configs)
trainer.fit()
compiled = sum(sum(loop.stats.cache_misses.values()) for loop in (reordered.mean, reordered._sum))
print(json.dumps({"children": len(started), "codes": [c.returncode for c in started], "compiled": compiled,
                  "flat": trainer.stack.flat.double().sum().item()}))
"""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copy_sources(tmp_path_factory.mktemp("sources"))
    (folder / "methods/reordered.py").write_text(_METHOD)
    return folder


def trained(sources: Path, *devices: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", _TRAIN, *devices], cwd=sources, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_process_that_trains_has_compiled_nothing(sources: Path) -> None:
    alone = trained(sources, "cuda")
    assert (alone["children"], alone["compiled"]) == (0, 2), "for a GPU there is nothing to rehearse"
    flats = set()
    for devices in (["cpu", "cpu"], ["cpu"]):  # once is enough, until what was compiled is gone
        for path in (sources / "methods/__pycache__").glob("reordered.*.nbi"):
            path.unlink()
        found = trained(sources, *devices)
        assert (found["children"], found["codes"], found["compiled"]) == (1, [0], 0)
        flats.add(found["flat"])
    assert len(flats) == 1
    assert flats.pop() == pytest.approx(alone["flat"], rel=1e-5)


def test_what_fails_in_rehearsal_is_the_trainings_to_tell(sources: Path) -> None:
    broken = _METHOD.replace(
        "return super().loss", "raise RuntimeError('no loss') if len(batch.label) else super().loss"
    )
    (sources / "methods/reordered.py").write_text(broken)
    with pytest.raises(AssertionError, match="RuntimeError: no loss"):
        trained(sources, "cpu")
