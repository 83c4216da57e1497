"""What a benchmark found, as a small file that a page can be made of."""

import json
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from benchmark.bench.common import Asked
from benchmark.execute.machine import cores
from benchmark.records.identity import environment
from datasets.common.files import put


class Machine(msgspec.Struct, frozen=True):
    """Where and when numbers were measured."""

    processor: str
    cores: int
    day: str  # UTC
    versions: dict[str, str]

    @staticmethod
    def here(**more: str) -> "Machine":
        """This machine, today. more: versions of what else was at work; empty where it was not."""
        known = environment()
        versions = {str(name): known[name] for name in ("python", "torch", "numpy", "numba") if name in known}
        versions |= {name.replace("_", "-"): number for name, number in more.items() if number}
        return Machine(known.get("processor", platform.processor()), cores(), f"{datetime.now(UTC):%Y-%m-%d}", versions)

    def __str__(self) -> str:
        versions = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        return f"one core of {self.processor} ({self.cores} there), {versions}, {self.day}"


def keep(found: Any, asked: Asked) -> None:
    """Write what was found where --out says. Raises UserError where that cannot be."""
    if asked.out is not None:
        text = json.dumps(msgspec.to_builtins(found), indent=1) + "\n"
        put(Path(asked.out), text.encode())
        asked.say(f"written to {asked.out}")
