"""A worker process: it is sent one job at a time and sends back what becomes of it."""

import ctypes
import os
import signal
import sys
from multiprocessing.connection import Connection

from benchmark.execute.code import watch
from benchmark.execute.events import Done, Started
from benchmark.execute.faults import failed
from benchmark.execute.machine import keep_freed_memory
from benchmark.execute.task import Job


def main(pipe: Connection, threads: int, gpu: str = "") -> None:
    """Serve jobs until the parent closes the pipe. threads: of torch; gpu: the only one that this process sees."""
    if gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu  # before torch is imported
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # blocked while this process was started
    _die_with_parent()
    keep_freed_memory()
    watch()
    while True:
        try:
            job: Job = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            pipe.send(Started())
            import torch  # once a job is there, so that a worker that fails to start is told from one that fails at it

            torch.set_num_threads(threads)
            pipe.send(Done(job.serve(pipe.send)))
        except BrokenPipeError:
            return
        except Exception as error:
            pipe.send(failed(error, job.dataset))


def _die_with_parent() -> None:
    """Ask Linux to end this process when the run is killed; elsewhere the broken pipe does it at the next report."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
