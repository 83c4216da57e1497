"""A copy of the sources with a small world, and what every check needs: start, kill, look at files, compare."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmark import ROOT
from benchmark.cli.app import main
from datasets.common.files import cache_folder
from tests.copies import copy_sources

WORK = ROOT / "build" / "torture"
SUITE = """title = "Torture"
seeds = 2

[[grid]]
datasets = ["synthetic"]
methods = ["mean", "bucket_median", "tr", "wlr", "looked"]
"""
LOOKED = '''"""A method with an inside, so that arrays lie beside its records."""

from methods.capabilities import Examined
from methods.tr import TR


class Looked(TR, Examined):
    """A TR that shows something."""

    name = "looked"
    title = "Looked at"

    def examine(self, module, batch, fitted):
        return {"scale": float(module.scale), "labels": batch.label.numpy()[:200]}
'''
_FULL = 'Synthetic("synthetic"),'
_SMALL = 'Synthetic("synthetic", rows=800, users=40, videos=30, epochs=2, patience=1, batch=128),'
RUN = ("run", "--suite", "torture", "--workers", "1")
_DAILY = ("seconds", "together", "finished", "cost", "command", "executor", "commit")  # what the day decides


def make(folder: Path) -> Path:
    """Makes a copy of the sources whose synthetic world is small, with the suite `torture`; returns it."""
    shutil.rmtree(folder, ignore_errors=True)
    copy_sources(folder, "tests")
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "benchmark/suites/torture.toml").write_text(SUITE)
    (folder / "methods/looked.py").write_text(LOOKED)
    synthetic = folder / "datasets/synthetic.py"
    text = synthetic.read_text()
    if text.count(_FULL) != 1:
        raise AssertionError(f"{synthetic} registers its world in another way: mend tests/torture/world.py")
    synthetic.write_text(text.replace(_FULL, _SMALL))
    return folder


def fresh_cache(place: Path, like: Path | None = None) -> Path:
    """Makes a cache that knows the methods alone, as another one does; returns it. Asking all of them again would cost
    each run seconds."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    known = (like or cache_folder()) / "catalog"
    if known.is_dir():
        shutil.copytree(known, place / "catalog", ignore=shutil.ignore_patterns(".*"))
    return place


def environment(cache: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "CVP_CACHE": str(cache), "OMP_NUM_THREADS": "1", "COLUMNS": "200", **more}


def start(place: Path, cache: Path, *arguments: str, log: Path, **more: str) -> "subprocess.Popen[bytes]":
    """Starts a verb in a session of its own: its whole tree can be found and killed. more: of the environment."""
    env = environment(cache, **more)
    with log.open("ab") as out:
        return subprocess.Popen([sys.executable, "-m", "benchmark", *arguments], cwd=place, env=env,
                                stdout=out, stderr=subprocess.STDOUT, start_new_session=True)  # fmt: skip


def run(place: Path, cache: Path, *arguments: str, **more: Any) -> "subprocess.CompletedProcess[str]":
    """Runs a verb to its end, ten minutes at most; more: of `subprocess.run`."""
    command = [*more.pop("before", ()), sys.executable, "-m", "benchmark", *arguments]
    env = environment(cache, **more.pop("env", {}))
    return subprocess.run(
        command, cwd=place, env=env, capture_output=True, text=True, timeout=600, errors="replace", **more
    )


def finished(place: Path, base: Path, *arguments: str) -> tuple[Path, Path]:
    """Returns the records and the cache of an uninterrupted run, made once below `base`; `done` holds its seconds."""
    runs, cache, done = base / "runs", base / "cache", base / "done"
    if not done.exists():
        shutil.rmtree(base, ignore_errors=True)
        base.mkdir(parents=True)
        fresh_cache(cache)
        began = time.monotonic()
        ended = run(place, cache, *(arguments or RUN), "--runs", str(runs))
        if ended.returncode:
            raise AssertionError(f"the uninterrupted run failed: {ended.stdout[-800:]}{ended.stderr[-800:]}")
        done.write_text(str(time.monotonic() - began))
    return runs, cache


def members(sid: int) -> list[int]:
    """Returns the living processes of a session."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                fields = Path("/proc", entry, "stat").read_text().rsplit(")", 1)[1].split()
                if int(fields[3]) == sid and fields[0] not in "ZX":
                    found.append(int(entry))
    return found


def orphans(sid: int, wait: float) -> list[int]:
    """Returns who of a session still lives after `wait` seconds; they are then killed."""
    until = time.monotonic() + wait
    while (left := members(sid)) and time.monotonic() < until:
        time.sleep(0.05)
    for pid in left:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    return left


_ENDS = {".html": b"</html>", ".svg": b"</svg>"}


def torn(folder: Path) -> list[str]:
    """Returns the files under their final names that are not whole."""
    found = []
    for path in folder.rglob("*"):
        if path.name.startswith(".") or not path.is_file():
            continue
        raw = path.read_bytes()
        if path.suffix == ".json":
            try:
                json.loads(raw)
            except ValueError:
                found.append(f"{path}: no JSON ({len(raw)} bytes)")
        elif not raw or _ENDS.get(path.suffix, b"") not in raw[-200:]:  # a comment may stand behind it
            found.append(f"{path}: ends in {raw[-20:]!r}")
    return found


def scratch(folder: Path) -> list[str]:
    """Returns what only a writer in the middle of its work leaves: hidden files, locks apart, and .part files."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if (path.name.startswith(".") and "lock" not in path.name and path.name != ".unkept") or path.suffix == ".part"
    )


def _lasting(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: _lasting(value) for key, value in found.items() if key not in _DAILY}
    return [_lasting(value) for value in found] if isinstance(found, list) else found


def everything(runs: Path) -> dict[str, Any]:
    """Returns every record and trial by its path, without times, every array file and noise file by its bytes."""
    found: dict[str, Any] = {}
    for path in sorted(runs.rglob("*")):
        if path.name.startswith(".") or not path.is_file():
            continue
        if path.suffix == ".json" and path.name[0].isdigit():
            found[str(path.relative_to(runs))] = _lasting(json.loads(path.read_text()))
        elif path.suffix in (".npz", ".json"):
            found[str(path.relative_to(runs))] = path.read_bytes()
    return found


def differences(one: dict[str, Any], two: dict[str, Any]) -> list[str]:
    found = [f"{name} only in the first" for name in sorted(one.keys() - two.keys())]
    found += [f"{name} only in the second" for name in sorted(two.keys() - one.keys())]
    return found + [f"{name} differs" for name in sorted(one.keys() & two.keys()) if one[name] != two[name]]


class Hang(BaseException):
    """A case that took too long; no `except Exception` may swallow it."""


def refusal(text: str) -> tuple[str, str]:
    """The verdict on a refusal in these words, and an example."""
    return ("refused", "") if "\n" not in text and len(text) < 1500 else ("not one line", text)


def fault(error: BaseException, seconds: int) -> tuple[str, str]:
    """The verdict on what came out of a case that had so many seconds, and an example."""
    if isinstance(error, Hang):
        return "hang", f"more than {seconds} s"
    if isinstance(error, MemoryError):
        return "memory", "MemoryError"
    return "traceback", f"{type(error).__name__}: {error}"


@contextlib.contextmanager
def within(seconds: int):  # type: ignore[no-untyped-def]
    """Raises Hang inside where it takes longer."""

    def late(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def call(*arguments: str, seconds: int = 120) -> tuple[int | None, str, str]:
    """Runs a verb in this process. Returns its exit code (None: an exception), what it printed, and the exception."""
    import io
    import traceback

    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), within(seconds):
            code = main(list(arguments))
    except Hang:
        return None, "", "hang"
    except MemoryError:
        return None, "", "memory"
    except SystemExit as error:
        code = int(error.code or 0)
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return None, "", f"{type(error).__name__}: {str(error)[:160]} at {Path(frame.filename).name}:{frame.lineno}"
    return code, out.getvalue() + err.getvalue(), ""


def complaint(code: int | None, said: str, why: str) -> str:
    """Returns "" for an answer that is a success or one line of error; else what is wrong with it."""
    if code is None:
        return why if why in ("hang", "memory") else "traceback"
    if code == 2 and sum(line.startswith("error:") for line in said.splitlines()) != 1:
        return "not one line"
    return "" if code in (0, 1, 2) else f"exit {code}"
