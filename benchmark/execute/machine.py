"""The machine at hand: its cores, its GPU, the memory of this process."""

import ctypes
import os
import resource
import sys
from pathlib import Path

_MEGA = 1 << 20
_LARGE_PAGE = 2 * _MEGA


def cores() -> int:
    """Returns how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def has_gpu() -> bool:
    """Returns whether an NVIDIA driver is at work; asked without torch."""
    return Path("/proc/driver/nvidia/version").exists()


def visible_gpus() -> list[str]:
    """Returns what CUDA_VISIBLE_DEVICES calls each GPU that this process may use; asked without torch."""
    said = os.environ.get("CUDA_VISIBLE_DEVICES")
    if said is not None:
        return [name.strip() for name in said.split(",") if name.strip() not in ("", "-1")]
    return [str(place) for place, _ in enumerate(Path("/proc/driver/nvidia/gpus").glob("*"))]


def keep_freed_memory() -> None:
    """Let glibc keep large blocks: it hands them back and takes them again at every step, which costs page faults. And
    ask for large pages: arrays of a step are spread over thousands of small ones, whose addresses no table holds."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(-4, 0)  # M_MMAP_MAX
        libc.mallopt(-1, 1 << 30)  # M_TRIM_THRESHOLD
        if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
            _ask_for_large_pages(libc, 1 << 29)


def _ask_for_large_pages(libc: ctypes.CDLL, size: int) -> None:
    """So for the next so many bytes of the heap: addresses alone, no memory is taken."""
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes, libc.madvise.argtypes = [ctypes.c_void_p], [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    if block := libc.malloc(size):
        start = -(-block // _LARGE_PAGE) * _LARGE_PAGE
        libc.madvise(start, (block + size - start) // _LARGE_PAGE * _LARGE_PAGE, 14)  # MADV_HUGEPAGE
        libc.free(block)


def reset_peak_memory(device: str = "cpu") -> None:
    """Forget the peak memory so far, of this process or of the GPU."""
    if device != "cpu":
        import torch

        torch.cuda.reset_peak_memory_stats()
        return
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_memory_mb(device: str) -> float:
    """Returns the peak memory of this process, or of the GPU, since it was reset."""
    if device != "cpu":
        import torch

        return torch.cuda.max_memory_allocated() / _MEGA
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    except (OSError, IndexError, ValueError):
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / _MEGA
