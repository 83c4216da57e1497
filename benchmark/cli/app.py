"""The command line. Heavy libraries are imported by the verbs that need them, so that `--help` and `list` are quick."""

import logging
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter

from benchmark.cli import arguments as given
from benchmark.cli import authors, models, overview, pages, running, sharing, tables
from benchmark.cli.console import console, hush, say
from benchmark.cli.options import Data, root_of
from benchmark.files.errors import UserError
from benchmark.files.paths import version
from benchmark.files.plain import PlainFormatter, plain


def _version() -> str:
    return f"cvp-bench {version()}"


app = App(
    console=console,
    name="python -m benchmark",
    help="Continuous value prediction, re-run under one protocol: raw logs in, RESULTS.md out.",
    version=_version,
    version_flags=["--version"],
    result_action="return_value",
    suppress_keyboard_interrupt=False,  # benchmark.__main__ says what an interrupt means
)


@app.command
def bench(
    name: Annotated[
        str,
        Parameter(
            help="training, tuning, metrics (all of these by default), verbs, peers, growth, gr, prowtp, tables or "
            "ltv_tables."
        ),
    ] = "all",
    *parts: Annotated[str, Parameter(help="Of the benchmark: `bench gr step`, `bench tables twin csv`.")],
    data: Data = None,
    device: Annotated[str, Parameter(help="cpu or cuda.")] = "cpu",
    share: Annotated[float, Parameter(help="Of the rows of a made-up file, for tables and ltv_tables.")] = 1.0,
    train: Annotated[bool, Parameter(negative="", help="Train on the tables as well.")] = False,
    out: Annotated[Path | None, Parameter(help="A JSON file for the numbers of peers or growth.")] = None,
) -> None:
    """Speed, side by side in one run: our trainer against a plain PyTorch loop and the step's own matrix products,
    trials together against one after the other (on KuaiRand-Pure with --data), the exact ranking metrics; by name also
    the verbs, other trainers on the same rows, how time and memory grow, GR, ProWTP and tables at full scale."""
    from benchmark.bench.common import Asked
    from benchmark.bench.run import main as measure

    measure(name, Asked(say, parts, device, root_of(data), share, train, out))


_VERBS = (  # as `--help` lists what one would type first
    overview.data,
    overview.plan,
    running.run,
    running.status,
    running.compare,
    pages.report,
    pages.explain,
    tables.describe,
    models.predict,
    authors.new,
    authors.check,
    sharing.submit,
    sharing.accept,
    sharing.verify,
    sharing.predictions,
)
app.command(overview.list_, name="list")
for _verb in _VERBS:
    app.command(_verb)


def _refused(why: str) -> int:
    print(plain(f"error: {why}"), file=sys.stderr)
    return 2


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit code: 0, 1 where what was asked for has faults, 2 for an error the user
    can mend. Ctrl-C is answered by `benchmark.__main__`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainFormatter("%(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        given.refuse_empty(arguments)
        code = app(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        return _refused(f"{' '.join(str(error).split())} See `python -m benchmark --help`.")
    except UserError as error:
        return _refused(str(error))
    except (OSError, MemoryError) as error:
        from benchmark.execute.faults import fault, of_machine

        if fault(error) != "environment":
            raise
        hush()  # it may be what has no room
        return _refused(of_machine(error))
    return code if isinstance(code, int) else 0
