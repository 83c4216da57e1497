"""A worker process: it is sent one group at a time and sends back that group's records."""

import contextlib
import ctypes
import io
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from math import isfinite
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec

from benchmark.records.cell import Group
from benchmark.records.record import Cost, Curve, Identity, Record, Tuned, encode
from benchmark.records.trial import Proposal
from datasets.common.files import put

_MEGA = 1 << 20
_LOOKED_AT = 8192  # rows behind calibration and figures


@dataclass(frozen=True)
class Task:
    """A group to run, the trials of a study's stack, or a dataset to prepare, with all that a worker needs to know."""

    dataset: str
    group: Group | None = None  # of a stack of trials: their numbers in the place of seeds
    trials: tuple[Proposal, ...] = ()
    variant: str = ""  # of the study whose trials these are
    module: str = ""  # of the method
    config: dict[str, Any] | None = None
    code: str = ""
    config_hash: str = ""
    tuned: Tuned | None = None  # where the configuration comes from, if it was searched for
    files: dict[str, str] | None = None
    root: Path | None = None
    device: str = "cpu"
    command: str = ""
    environment: dict[str, str] | None = None


Report = Callable[..., None]  # (kind, **what) -> None, to the parent


def main(pipe: Connection, threads: int) -> None:
    """Serve tasks until the parent closes the pipe."""
    _die_with_parent()
    _keep_freed_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    import torch

    torch.set_num_threads(threads)

    def report(kind: str, **what: Any) -> None:
        pipe.send((kind, what))

    while True:
        try:
            task: Task = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            report("done", **serve(task, report))
        except BrokenPipeError:
            return
        except Exception as error:
            report("failed", error=one_line(error, task), fault=fault(error))


def serve(task: Task, report: Report) -> dict[str, Any]:
    """Prepare a dataset, run a group or try settings, in this process."""
    if task.trials:
        from benchmark.tuning.training import serve as try_out

        return try_out(task, report)
    return _prepare(task) if task.group is None else _run(task, report)


def fault(error: BaseException) -> str:
    """Who is at fault: "data" (raw files or the cache), "few" (a sample too small to run on), or "" for a method."""
    from datasets.base import BadData, CacheError, NotAvailable, TooFew

    if isinstance(error, TooFew):
        return "few"
    return "data" if isinstance(error, BadData | CacheError | NotAvailable) else ""


def one_line(error: BaseException, task: Task) -> str:
    """What went wrong: in which dataset, or in which line of which file."""
    if fault(error):
        return f"{task.dataset}: {error}"
    trace, where = error.__traceback__, ""
    while trace is not None:
        where = f" ({Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno})"
        trace = trace.tb_next
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:400]}{where}"


def _die_with_parent() -> None:
    """Ask Linux to end this process when the run is killed; elsewhere the broken pipe does it at the next report."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _keep_freed_memory() -> None:
    """glibc hands large blocks back and takes them again at every step, which costs page faults: let it keep them."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            libc.mallopt(-4, 0)  # M_MMAP_MAX
            libc.mallopt(-1, 1 << 30)  # M_TRIM_THRESHOLD


def _reset_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _peak_mb(device: str) -> float:
    """Peak memory of this process, or of the GPU, since the group began."""
    if device != "cpu":
        import torch

        return torch.cuda.max_memory_allocated() / _MEGA
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    except (OSError, IndexError, ValueError):
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / _MEGA


def _prepare(task: Task) -> dict[str, Any]:
    """Prepare the dataset's table; its fingerprint and facts."""
    from datasets.cache import load
    from datasets.registry import get

    table = load(get(task.dataset), task.root)
    return {"fingerprint": table.fingerprint, "facts": dict(table.facts)}


def _run(task: Task, report: Report) -> dict[str, Any]:
    """The records of a group, encoded; predictions go to the cache first, so that a record never lacks its own."""
    from datasets.cache import load
    from datasets.registry import get
    from methods.base import Method
    from methods.registry import classes

    group = task.group
    assert group is not None
    _reset_peak()
    dataset = get(task.dataset)
    table = load(dataset, task.root)
    cls = next(c for c in classes(task.module) if c.name == group.method)
    config = config_of(cls, task.config or {})
    common: dict[str, Any] = {
        "dataset": group.dataset,
        "method": group.method,
        "title": cls.title,
        "variant": group.variant,
        "config": asdict(config),
        "tuned": task.tuned or msgspec.UNSET,
        "protocol": asdict(dataset.protocol),
        "facts": dict(table.facts) | {"unit": table.schema.unit, "fingerprint": table.fingerprint},
        "identity": Identity(task.code, task.files or {}, task.config_hash, table.fingerprint, task.environment or {}),
        "command": task.command,
    }
    if reason := cls.supports(table.schema):
        skipped = [Record(**common, seed=seed, outcome="skipped", error=reason, finished=now()) for seed in group.seeds]
        return {"records": [encode(record) for record in skipped]}
    run = _run_gradient if issubclass(cls, Method) else _run_estimator
    records, arrays = run(cls, config, table, dataset.protocol, group, task, common, report)
    return {"records": [encode(record) for record in records], "arrays": arrays}


def config_of(cls: Any, settings: Mapping[str, Any]) -> Any:
    """A method's Config of the settings as JSON has them. Raises what the Config raises."""
    return cls.Config(**{k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()})


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _run_gradient(
    cls: Any, config: Any, table: Any, protocol: Any, group: Group, task: Task, common: dict[str, Any], report: Report
) -> tuple[list[Record], dict[int, bytes]]:
    from benchmark.train.trainer import Plan, Trainer

    if task.device != "cpu":
        import torch

        torch.cuda.reset_peak_memory_stats()
    started = time.perf_counter()
    train, valid = table.view("train"), table.view("valid")
    plan = Plan(protocol.batch, protocol.epochs, protocol.patience, protocol.stop)
    trainer = Trainer(
        cls, table.schema, train, valid, plan, group.seeds, [config] * len(group.seeds), device=task.device
    )

    def progress(epoch: int, active: int) -> None:
        report("epoch", epoch=epoch, epochs=plan.epochs, active=active, rows=len(train) * max(active, 1))

    began = time.perf_counter()
    histories = trainer.fit(progress)
    training = time.perf_counter() - began
    test = table.view("test")
    began = time.perf_counter()
    predictions = trainer.predict(test)
    predicting = time.perf_counter() - began
    on_valid = trainer.predict(valid)
    seconds = (time.perf_counter() - started) / len(group.seeds)
    rows_trained = sum(len(history.valid) for history in histories) * len(train)
    cost = Cost(
        seconds=round(seconds, 3),
        train_rows_per_second=round(rows_trained / training, 1),
        parameters=trainer.stack.parameter_count(),
        peak_memory_mb=round(_peak_mb(task.device), 1),
        predict_seconds_per_million_rows=round(predicting / len(test) / len(group.seeds) * 1e6, 3),
        device=task.device,
        replicas=len(group.seeds),
    )
    more = _Insides(cls, trainer, valid, test, task)
    records = []
    for place, (seed, history) in enumerate(zip(group.seeds, histories, strict=True)):
        curve = curve_of(history)
        if not history.best_epoch:
            error = "diverged: no epoch had a finite validation metric; a smaller lr may help"
            records.append(
                Record(**common, seed=seed, outcome="failed", error=error, curve=curve, cost=cost, finished=now())
            )
            continue
        _keep_predictions(group, seed, common["identity"], predictions[place])
        scored = ((valid, on_valid[place]), (test, predictions[place]))
        records.append(more.add(_scored(common, seed, table.schema.task, *scored, curve, cost), place))
    return records, more.arrays


class _Insides:
    """What a trained group offers beyond values: its distributions' calibration on test rows, and what it shows of
    itself on validation rows. Arrays are kept of the first seed that has some. What fails here costs no record."""

    def __init__(self, cls: Any, trainer: Any, valid: Any, test: Any, task: Task) -> None:
        from methods.capabilities import Distribution, Examined

        self.trainer, self.task, self.arrays = trainer, task, dict[int, bytes]()
        self.valid = _evenly(valid) if issubclass(cls, Examined) else None
        self.test = _evenly(test) if issubclass(cls, Distribution) else None
        self._quantiles: Any = None  # of all seeds, once asked for

    def add(self, record: Record, place: int) -> Record:
        """The record with what its seed offers; its `error` says what could not be had."""
        trouble = []
        for offer, kept in ((self.calibration, record.metrics["test"]), (self.examine, record.inside)):
            try:
                kept.update(offer(place, record.seed))
            except Exception as error:  # whatever a method's extras raise, its numbers are there
                trouble.append(f"{offer.__name__}: {one_line(error, self.task)}")
        return msgspec.structs.replace(record, error="; ".join(trouble)) if trouble else record

    def calibration(self, place: int, seed: int) -> dict[str, Any]:
        from benchmark.metrics.evaluate import calibration
        from methods.capabilities import LEVELS

        if self.test is None:
            return {}
        if self._quantiles is None:
            self._quantiles = self.trainer.quantiles(self.test, LEVELS)
        return calibration(self.test.label, self._quantiles[place], LEVELS)

    def examine(self, place: int, seed: int) -> dict[str, Any]:
        """The numbers, for the record; sees to the arrays."""
        import numpy as np

        if self.valid is None:
            return {}
        found = self.trainer.examine(place, self.valid)
        arrays = {name: value for name, value in sorted(found.items()) if isinstance(value, np.ndarray)}
        if arrays and not self.arrays:
            content = io.BytesIO()
            np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
            self.arrays[seed] = content.getvalue()
        return {name: value for name, value in sorted(found.items()) if name not in arrays}


def _evenly(rows: Any) -> Any:
    """At most _LOOKED_AT rows, evenly spaced."""
    import numpy as np

    return rows.take(np.linspace(0, len(rows) - 1, min(len(rows), _LOOKED_AT)).astype(np.int64))


def _run_estimator(
    cls: Any, config: Any, table: Any, protocol: Any, group: Group, task: Task, common: dict[str, Any], report: Report
) -> tuple[list[Record], dict[int, bytes]]:
    import numpy as np

    from benchmark.train.draws import seed_of

    records = []
    train, valid, test = table.view("train"), table.view("valid"), table.view("test")
    for seed in group.seeds:
        started = time.perf_counter()
        method = cls(config)
        fitted = method.fit(train, valid, table.schema, np.random.default_rng(seed_of(seed, 5)))
        fitting = time.perf_counter() - started
        began = time.perf_counter()
        prediction = np.asarray(method.predict(fitted, test.without_label()), np.float64)
        predicting = time.perf_counter() - began
        on_valid = np.asarray(method.predict(fitted, valid.without_label()), np.float64)
        cost = Cost(
            seconds=round(time.perf_counter() - started, 3),
            train_rows_per_second=round(len(train) / max(fitting, 1e-9), 1),
            parameters=0,
            peak_memory_mb=round(_peak_mb("cpu"), 1),
            predict_seconds_per_million_rows=round(predicting / len(test) * 1e6, 3),
            device="cpu",
            replicas=1,
        )
        _keep_predictions(group, seed, common["identity"], prediction)
        scored = ((valid, on_valid), (test, prediction))
        record = _scored(common, seed, table.schema.task, *scored, None, cost)
        records.append(msgspec.structs.replace(record, inside=_parameters(method, fitted)))
        report("epoch", epoch=len(records), epochs=len(group.seeds), active=1, rows=len(train))
    return records, {}


def _parameters(method: Any, fitted: Any) -> dict[str, float | None]:
    """What an estimator that is a handful of numbers says of them; None for a number that does not exist."""
    from methods.parameters import Parametric

    if not isinstance(method, Parametric):
        return {}
    told = {name: float(value) for name, value in sorted(method.parameters(fitted).items())}
    return {name: value if isfinite(value) else None for name, value in told.items()}


def _scored(
    common: dict[str, Any],
    seed: int,
    task: str,
    valid: tuple[Any, Any],
    test: tuple[Any, Any],
    curve: Curve | None,
    cost: Cost,
) -> Record:
    """The record of one finished seed, from (rows, predictions); its metrics see the labels, its method never did."""
    from benchmark.metrics.evaluate import evaluate

    (on_valid, _), (on_test, slices) = (
        evaluate(task, rows.label, values, user=rows.user, bucket=rows.bucket) for rows, values in (valid, test)
    )
    metrics = {"valid": on_valid, "test": on_test}
    return Record(
        **common, seed=seed, outcome="ok", metrics=metrics, slices=slices, curve=curve, cost=cost, finished=now()
    )


def curve_of(history: Any) -> Curve:
    """A replica's training in brief, in enough digits to draw it."""

    def short(values: list[float]) -> list[float | None]:
        return [float(f"{value:.7g}") if isfinite(value) else None for value in values]

    return Curve(short(history.valid), short(history.loss), history.best_epoch, history.stopped_early)


def _keep_predictions(group: Group, seed: int, identity: Identity, prediction: Any) -> None:
    """Per-row test predictions for paired tests, in the cache under the identity they belong to. Not having them is
    no error."""
    import numpy as np

    from benchmark.records.predictions import path_of

    content = io.BytesIO()
    np.save(content, prediction.astype(np.float32))
    with contextlib.suppress(OSError):
        put(path_of(group, seed, identity), content.getvalue())
