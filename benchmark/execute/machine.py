"""The machine at hand: its cores and its GPU."""

import os
from pathlib import Path


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def has_gpu() -> bool:
    """Whether an NVIDIA driver is at work; asked without torch."""
    return Path("/proc/driver/nvidia/version").exists()
