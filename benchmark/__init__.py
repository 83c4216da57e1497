"""The machine: it runs methods x datasets x seeds and keeps one record per cell. It knows no method and no dataset
by name."""

import os
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# MKL picks another code path by the size of a batch and the alignment of an array, on AMD processors at least; with
# this a replica's bits depend on neither. It costs nothing measurable and must be said before the first product.
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")

_found = find_spec("datasets")
if _found is None or not str(_found.origin).startswith(str(ROOT)):
    raise ImportError(
        f"found the package `datasets` at {_found.origin if _found else 'nowhere'}, not CVP-Bench's own: "
        f"run `cd {ROOT} && python -m benchmark ...`, with no other `datasets` before it on the path"
    )
