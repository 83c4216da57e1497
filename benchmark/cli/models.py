"""The verbs of a model that is taken away: kept after a run, asked about new rows."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from benchmark.cli.console import console
from benchmark.cli.console import say as _print
from benchmark.files.errors import UserError

if TYPE_CHECKING:
    from benchmark.execute.engine import Options
    from benchmark.plan.catalog import Entry
    from reports.render import Report


def predict(
    *,
    model: Annotated[Path, Parameter(help="The folder that `run --table ... --keep-model` has kept.")],
    table: Annotated[Path, Parameter(help="New rows: CSV, Parquet, Feather or a folder, columns as in your table.")],
    out: Annotated[Path, Parameter(help="The predictions: a Parquet, Feather or CSV file.")],
    keys: Annotated[
        list[str] | None,
        Parameter(negative="", help="Columns to be copied beside the predictions; by default user, item and time."),
    ] = None,
) -> None:
    """Predict new rows with a kept model: one row for each of theirs, its keys, its value, and quantiles where the
    method has them."""
    import torch

    from benchmark.keep.model import opened
    from benchmark.keep.predict import predict as write
    from benchmark.records.identity import closure

    torch.set_num_threads(1)  # as the run's workers: the same bits
    found = opened(model)
    about = found.about
    today = closure(about.module)
    if moved := sorted(name for name in about.files if today.get(name) != about.files[name]):
        _print(f"warning: {', '.join(moved)} changed since the model was kept; its predictions may have moved")
    names = tuple(part for value in keys or [] for part in value.split(",") if part)
    told = write(found, table, out, names)
    _print(f"wrote {out}: {told.rows:,} predictions of {about.title} (seed {about.seed}), in {about.unit}")
    for column, rows in told.unseen.items():
        if rows:
            _print(f"  {column}: {rows:,} rows ({rows / told.rows:.1%}) have a value that training never saw")
    if told.unpredicted:
        _print(f"  {told.unpredicted:,} rows have no duration above 0, so no prediction")


def keep(report: "Report", dataset: str, methods: "dict[str, Entry]", options: "Options", place: Path) -> None:
    """Keep the model that the answer names, its best seed on the validation rows. Raises UserError."""
    from benchmark.execute.engine import Engine
    from benchmark.execute.events import Again, Done, Failed, Started
    from benchmark.execute.task import Origin
    from benchmark.keep.job import KeepModel, Kept
    from benchmark.records.identity import environment
    from reports.render import choice

    try:
        records, metric = choice(report, dataset)
    except ValueError as error:
        raise UserError(f"no model to keep: {error}") from None
    record = min(records, key=lambda r: r.metrics["valid"][metric] or 0.0)
    named = record.title + ("" if record.variant == "default" else f" ({record.variant})")
    entry = methods[record.method]
    engine = Engine(options, console)
    origin = Origin(entry.module, entry.files(), options.root, engine.device, record.command, environment())
    job = KeepModel(record, record.config, origin, place)
    for _, event in engine.execute([job], 1):
        match event:
            case Started():
                _print(f"training {named}, seed {record.seed}, once more to keep its model")
            case Again(why):
                _print(f"{job.group}: {why}; trying once more")
            case Failed(why):
                raise UserError(why)
            case Done(Kept() as kept):
                _print(f"kept {named}, seed {record.seed}, in {place}: {_compared(kept)}; next:")
                _print(f"  python -m benchmark predict --model {place} --table NEW --out predictions.parquet")


def _compared(kept: object) -> str:
    from benchmark.keep.job import Kept

    assert isinstance(kept, Kept)
    if kept.same is None:
        return "the run's predictions are not on this machine, so they could not be compared"
    if kept.same:
        return "it predicts the test rows as the run did, to the bit"
    return f"its predictions of the test rows differ from the run's by {kept.apart:.3g} at most"
