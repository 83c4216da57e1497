"""`python -m benchmark`: see `benchmark.cli`. Nothing that a worker runs lives here."""

import sys

from benchmark.cli import main

if __name__ == "__main__":
    sys.exit(main())
