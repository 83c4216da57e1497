"""A cell's record: one small JSON file, complete or absent."""

from typing import Any, Literal

import msgspec

from benchmark.records.cell import Cell

Outcome = Literal["ok", "failed", "skipped"]
NOTHING_TO_LEARN = "nothing to learn"  # what the `error` of an "ok" record begins with, made of equal training labels
Metrics = dict[str, float | None]  # None where a metric is undefined (Spearman of a constant)


class Identity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that a record's numbers depend on. If code, config or data have moved, the record is stale."""

    code: str  # hash of the bytes of the method's import closure inside the repository
    files: dict[str, str]  # that closure: file -> hash, to say which one moved
    config: str  # hash of the resolved hyper-parameters and the protocol
    data: str  # fingerprint of the prepared table
    environment: dict[str, str]  # versions, processor, device, engine: footnotes


class Cost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Cost of a cell. A group's time is shared equally by its seeds."""

    seconds: float  # fit + training + evaluation, per seed
    train_rows_per_second: float
    parameters: int
    peak_memory_mb: float  # of the worker process (CPU) or the device (GPU), whole group
    predict_seconds_per_million_rows: float
    device: str
    replicas: int  # how many trained together


class Curve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The training in brief; None where a number is not finite."""

    valid: list[float | None]  # the stopping metric after each epoch
    loss: list[float | None]  # mean training loss of each epoch
    best_epoch: int  # 1-based; 0 where nothing is trained
    stopped_early: bool
    schedule_end: int | msgspec.UnsetType = msgspec.UNSET  # epoch at whose end the method's own schedule was over


class Tuned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Origin of a configuration that a search chose."""

    study: str  # "kuairand/tr/tuned": its trials lie in the folder `trials` there
    trial: int  # the one that was chosen
    params: dict[str, Any]  # of it, those that were searched
    metric: str  # of the validation rows, with the trials' seed
    objective: float  # its value
    trials: int  # the budget: how many were tried
    seconds: float  # that they all took


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One cell's result. `metrics` maps "valid" and "test" to metrics over all rows, `slices` named subsets of test
    rows ("bucket=0", ..., "positive") to the same metrics over them, each with its row count under "rows"."""

    format: int = 1
    dataset: str
    method: str
    title: str
    variant: str
    seed: int
    outcome: Outcome
    error: str = ""  # one line: why it failed or was skipped, or what an "ok" one could not tell of its inside
    config: dict[str, Any] = {}
    protocol: dict[str, Any] = {}
    facts: dict[str, Any] = {}  # of the dataset: rows, users, items, the slice in words
    metrics: dict[str, Metrics] = {}
    slices: dict[str, Metrics] = {}
    inside: Metrics = {}  # what an `Examined` method tells of its trained model
    curve: Curve | None = None
    cost: Cost | None = None
    tuned: Tuned | msgspec.UnsetType = msgspec.UNSET  # of a variant that a study chose
    identity: Identity
    command: str = ""
    finished: str = ""  # UTC, ISO 8601

    @property
    def cell(self) -> Cell:
        return Cell(self.dataset, self.method, self.variant, self.seed)


def encode(record: Record) -> bytes:
    """Canonical bytes: keys in order, two spaces of indent, a newline at the end."""
    return msgspec.json.format(msgspec.json.encode(record, order="sorted"), indent=2) + b"\n"


def decode(raw: bytes) -> Record:
    """Raises msgspec.DecodeError on anything that is not a record."""
    return msgspec.json.decode(raw, type=Record)
