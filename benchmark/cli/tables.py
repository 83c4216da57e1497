"""The verbs of a table of your own: describe it, and where its records go."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from benchmark.files.errors import UserError
from benchmark.files.paths import RUNS
from datasets.common.files import put

if TYPE_CHECKING:
    from datasets.base import Dataset

_DATA = (".csv", ".tsv", ".txt", ".gz", ".zst", ".parquet", ".pq", ".feather", ".arrow")


def describe(
    file: Annotated[Path, Parameter(help="CSV of any kind (also .gz, .zst), Parquet, Feather, or a folder of them.")],
    *,
    out: Annotated[Path, Parameter(help="The description to be written, a TOML file.")],
    label: Annotated[str, Parameter(help="The column to be predicted, where you know it.")] = "",
    transactions: Annotated[
        bool, Parameter(negative="", help="The rows are purchases; what is predicted is what customers will spend.")
    ] = False,
    force: Annotated[bool, Parameter(negative="", help="Write over a description that is there.")] = False,
) -> None:
    """What there is to see in a table of your own, what each column seems to be, and a description to correct."""
    from datasets.base import BadData, NotAvailable
    from datasets.look.template import safe

    if out.suffix != ".toml":
        raise UserError(f"--out {out}: a description is a TOML file; write --out {out.with_suffix('.toml')}")
    if out.exists() and not force:
        raise UserError(f"--out {out} is there already and may hold your corrections; choose another, or add --force")
    if label and transactions:
        raise UserError("--label is of a log whose rows have one; what purchases add up to is the label by itself")
    try:
        if transactions:
            from datasets.look.orders import look_at_orders

            found = look_at_orders(file, out)
        else:
            from datasets.look.describe import look

            found = look(file, out, label)
    except (BadData, NotAvailable) as error:
        raise UserError(str(error)) from None
    for about, text in found.lines:
        print(safe(f"{about:<10} {text}"))
    names = [safe(p.name) for p in found.proposals]
    print()
    for name, p in zip(names, found.proposals, strict=True):
        print(f"  {name:<{max(map(len, names))}}  {p.role:<9}  {safe(p.reason)}")
    try:
        put(out, found.toml.encode())
    except OSError as error:
        raise UserError(
            f"--out {out} cannot be written ({error.strerror or error}): choose a folder that can"
        ) from None
    print(f'\nwrote {out}: correct it, fill in what is "?" (units and cap are yours to say), then type')
    print(f"  python -m benchmark run --table {out}")


def is_description(path: Path) -> bool:
    """Whether a data root is a table of a user's own, described."""
    return path.suffix == ".toml" and path.is_file()


def folder(data: Path) -> Path:
    """The data root. Raises UserError where it is no folder."""
    if data.is_dir():
        return data
    if data.is_file() and data.suffix in _DATA:
        raise UserError(f"--data {data} is a table: `python -m benchmark describe {data} --out "
                        f"{data.name.partition('.')[0]}.toml` describes it, `run --table` runs on it")  # fmt: skip
    raise UserError(f"--data {data}: no such folder; pass the folder that holds `KuaiRand-Pure/`, `KuaiRec 2.0/`, ...")


def opened(table: Path) -> "Dataset":
    """The dataset that a description gives, its files there. Raises UserError for what cannot be right."""
    from datasets import registry
    from datasets.base import BadData, NotAvailable

    if table.suffix != ".toml":
        raise UserError(f"--table {table}: a description is a TOML file; `python -m benchmark describe {table} --out "
                        f"{table.name.partition('.')[0]}.toml` writes one")  # fmt: skip
    try:
        found = registry.get(registry.names(table)[-1], table)
        found.files(None)
    except (BadData, NotAvailable) as error:
        raise UserError(str(error)) from None
    return found


def model_of(table: Path) -> Path:
    """Where the model of a table is kept."""
    return table.with_name(f"{table.stem}-model")


def asked(table: Path | None, data: Path | None, runs: Path | None, suite: str) -> tuple[Path | None, Path, str]:
    """The data root, the folder of the records and the suite, of what was typed. Raises UserError."""
    if table is None:
        return data, runs or RUNS, suite or "quick"
    if data is not None:
        raise UserError("--table and --data: a table of your own brings its data; leave --data away")
    opened(table)
    return table, runs or table.with_name(f"{table.stem}-board"), suite or "own"
