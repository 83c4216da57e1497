"""`python -m benchmark`: see `benchmark.cli.app`. Nothing that a worker runs lives here."""

import gc
import signal
import sys

_SELDOM = 200_000, 20, 100  # new objects until the collector looks: what verbs read lives to the end


def _run() -> int:
    """Returns the exit code; 130 for Ctrl-C, whenever it comes and however often."""
    gc.set_threshold(*_SELDOM)
    try:
        from benchmark.cli.app import main

        return main()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is left is short
        print("interrupted: finished cells are kept; the same command goes on from there", file=sys.stderr)
        return 130


def _run_to_the_end() -> int:
    try:
        return _run()
    except KeyboardInterrupt:  # once more, before it could be ignored
        return 130


if __name__ == "__main__":
    sys.exit(_run_to_the_end())
