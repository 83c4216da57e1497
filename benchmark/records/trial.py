"""A trial's record: one small JSON file, complete or absent, committed like the records of cells."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from benchmark.records.record import Curve, Identity

Proposer = Literal["paper", "ours", "tpe", "grid"]
Result = Literal["ok", "diverged", "failed"]
METRIC = "mae"  # of the validation rows
SEED = 0  # of every trial


@dataclass(frozen=True)
class Proposal:
    """A setting to try. `config` is whole; `params` are its fields of the space."""

    number: int
    proposer: Proposer
    params: Mapping[str, Any]
    config: Mapping[str, Any]
    sampler: Mapping[str, Any] = field(default_factory=dict)  # arguments, where it is the sampler's


@dataclass(frozen=True)
class Attempt:
    """What became of a setting."""

    outcome: Result
    error: str = ""
    objective: float | None = None
    curve: Curve | None = None
    seconds: float = 0.0
    together: int = 1


class Trial(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One setting of a method, tried on a dataset's training and validation rows."""

    format: int = 1
    dataset: str
    method: str
    variant: str  # of the cells that the study chooses for: "tuned"
    number: int
    proposer: Proposer
    params: dict[str, Any]  # the fields that the study tunes
    config: dict[str, Any]
    protocol: dict[str, Any]
    outcome: Result
    error: str = ""
    metric: str = METRIC
    objective: float | None = None  # the metric of the validation rows at the best epoch; None unless "ok"
    seed: int = SEED
    curve: Curve | None = None  # None where nothing is trained by epochs
    seconds: float = 0.0  # its share of what trained together
    together: int = 1  # how many trials trained in its stack
    device: str = "cpu"
    sampler: dict[str, Any] = {}  # its version and arguments, where the setting is its proposal
    identity: Identity
    command: str = ""
    finished: str = ""  # UTC, ISO 8601

    @property
    def tells(self) -> Mapping[str, Any]:
        """Returns everything but what differs between two runs of the same study: times, and who trained beside it."""
        kept = msgspec.to_builtins(self)
        return {k: v for k, v in kept.items() if k not in ("seconds", "together", "finished", "command")}


def encode(trial: Trial) -> bytes:
    """Returns canonical bytes: keys in order, two spaces of indent, a newline at the end."""
    return msgspec.json.format(msgspec.json.encode(trial, order="sorted"), indent=2) + b"\n"


def decode(raw: bytes) -> Trial:
    """Returns the trial that these bytes hold. Raises msgspec.DecodeError on anything else."""
    return msgspec.json.decode(raw, type=Trial)
