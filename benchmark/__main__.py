"""`python -m benchmark`: see `benchmark.cli.app`. Nothing that a worker runs lives here."""

import sys

from benchmark.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
