"""Resamples the saved test predictions of all methods together, after the cells, so that reports can tell what differs
from what does not on machines that have neither the predictions nor the data."""

import contextlib
import io
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from benchmark.compare import noise as files
from benchmark.compare import slices as parts
from benchmark.compare.lanes import LANES
from benchmark.compare.noise import Compared, Noise, Slice, Spread
from benchmark.compare.resample import DRAWS, Resampler
from benchmark.files.errors import UserError
from benchmark.metrics import pairs
from benchmark.metrics.pairs import Array, pair_counts, ranked
from benchmark.plan.catalog import Entry
from benchmark.records import predictions
from benchmark.records.cell import Group
from benchmark.records.identity import digest
from benchmark.records.predictions import path_of, tag
from benchmark.records.record import Record
from benchmark.records.store import Store
from datasets.base import Table
from datasets.common.files import put

METRICS = ("mae", "rmse", "ratio", "xauc", "xgauc", "spearman", "gini", "auc")
Say = Callable[[str], None]
_LOST = "its predictions are not on this machine; `python -m benchmark run --rerun unpredicted` makes them again"
_ALONE = "the predictions of what was resampled before are not on this machine; keeping the file that has it"


@dataclass(frozen=True)
class Predicted:
    """The seeds of a method's variant, with where their predictions lie."""

    group: Group
    paths: tuple[Path, ...]
    tags: Mapping[str, str]

    @property
    def name(self) -> tuple[str, str]:
        return self.group.method, self.group.variant


def refresh(
    store: Store, methods: Mapping[str, Entry], root: Path | None, say: Say, only: Collection[str] = ()
) -> None:
    """Bring each dataset's noise file up to date with its fresh records, where data and predictions are at hand.

    only: datasets; all where empty. Raises UserError where a file cannot be read or written."""
    from benchmark.plan.survey import survey
    from datasets import cache, registry
    from datasets.base import BadData, CacheError, NotAvailable

    records = {r.cell: r for r in store.all() if r.outcome == "ok" and (not only or r.dataset in only)}
    found = survey(list(records), methods, store, root, records.values())
    fresh = [cell for cell in sorted(records) if found.standings[cell].state == "fresh"]
    deterministic = {name for name, entry in methods.items() if entry.deterministic}
    said: list[str] = []

    def tell(line: str) -> None:
        said.append(line)
        say(line)

    for dataset, cells in groupby(fresh, key=lambda cell: cell.dataset):
        here = [records[cell] for cell in cells]
        if (kept := _current(store.folder / dataset, here, tell)) is None:
            continue
        if dataset in found.unavailable:
            tell(f"{dataset}: no paired test, its data are not on this machine")
            continue
        try:
            table = cache.load(registry.get(dataset, root), root)
        except (BadData, CacheError, NotAvailable) as error:
            raise UserError(str(error)) from None
        started = time.perf_counter()
        tell(f"resampling the test set of {dataset}: {len(kept)} methods and variants")
        noise = compare(dataset, table, here, deterministic)
        files.write(store.folder / dataset, noise)
        for name, why in noise.missing.items():
            tell(f"{dataset}/{name}: no paired test, {why}")
        tell(f"resampled {dataset} in {time.perf_counter() - started:.0f} s")
    if fresh and not said:
        say("nothing to resample: every paired test is up to date")


def _current(folder: Path, records: Sequence[Record], say: Say) -> list[Predicted] | None:
    """Returns what to resample; None where the noise file says it already, or says more than this machine could."""
    for scratch in folder.glob(f".{files.FILE}.*"):  # left by a run that was killed
        scratch.unlink(missing_ok=True)
    there, missing = predicted(records)
    old, today = files.read(folder), _tags(records)
    valid = {name for name, tags in old.tags.items() if tags == today.get(name)} if old else set()
    new = {p.name for p in there}
    says_all = old is not None and old.code == code() and len(valid) == len(old.entries) and valid >= new
    if there and not says_all and valid <= new:  # more rows would be no gain where pairs are lost that were there
        return there
    lost = {name: why for name, why in missing.items() if tuple(name.split("/")) not in valid}
    for name, why in (lost | {"/".join(name): _ALONE for name in sorted(new - valid)}).items():
        say(f"{folder.name}/{name}: no paired test, {why}")
    return None


def code() -> str:
    """A hash of what decides a noise file's numbers besides predictions and data."""
    here = Path(__file__).parent
    files = [*(here / f"{name}.py" for name in ("resample", "lanes", "slices", "refresh")), Path(str(pairs.__file__))]
    return digest(b"".join(path.read_bytes() for path in files))


def _groups(records: Sequence[Record]) -> Iterator[tuple[Group, list[Record]]]:
    ordered = sorted(records, key=lambda r: r.cell)
    for (dataset, method, variant), members in groupby(ordered, key=lambda r: (r.dataset, r.method, r.variant)):
        same = list(members)
        yield Group(dataset, method, variant, tuple(r.seed for r in same)), same


def _tags(records: Sequence[Record]) -> dict[tuple[str, str], dict[str, str]]:
    return {(g.method, g.variant): {str(r.seed): tag(r.identity) for r in same} for g, same in _groups(records)}


def predicted(records: Sequence[Record]) -> tuple[list[Predicted], dict[str, str]]:
    """Splits one dataset's records into groups whose predictions are all at hand, as they were written, and
    "method/variant" -> why not."""
    found, missing = [], {}
    for group, same in _groups(records):
        paths = tuple(path_of(group, r.seed, r.identity) for r in same)
        if why := next(filter(None, map(_lost, paths)), ""):
            missing[f"{group.method}/{group.variant}"] = why
        else:
            found.append(Predicted(group, paths, {str(r.seed): tag(r.identity) for r in same}))
    return found, missing


def _lost(path: Path) -> str:
    """Why there are no predictions in this file; empty where there are."""
    try:
        predictions.read(path)
    except FileNotFoundError:
        return _LOST
    except (OSError, ValueError, EOFError) as error:
        return f"its predictions are damaged ({error}); `python -m benchmark run --rerun unpredicted` makes them again"
    return ""


def compare(
    dataset: str,
    table: Table,
    records: Sequence[Record],
    deterministic: Collection[str] = (),
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Noise:
    """Resample the predictions behind the records of one dataset. deterministic: methods that have no seed."""
    test, masks = table.view("test"), parts.slices(table)
    assert test.label is not None
    resampler = Resampler.build(table.schema.task, test.label, user=test.user, slices=masks, draws=draws, seed=seed)
    there, missing = predicted(records)
    kept: list[Predicted] = []
    vectors: list[dict[str, Array]] = []
    owner: list[int] = []
    key = digest(f"{code()}-{draws}-{seed}".encode())
    for entry in there:
        try:
            found = [_draws(path, resampler, key) for path in entry.paths]
        except (OSError, ValueError, EOFError) as error:
            missing["/".join(entry.name)] = f"its predictions are damaged ({error})"
            continue
        owner += [len(kept)] * len(found)
        vectors += found
        kept.append(entry)
    seedless = [entry.group.method in deterministic for entry in kept]

    def of(name: str) -> Spread:
        return spread(np.stack([v[name] for v in vectors]), np.array(owner), seedless, resampler.clusters)

    metrics = {name: of(name) for name in METRICS if vectors and name in vectors[0]}
    return Noise(
        dataset=dataset,
        code=code(),
        table=table.fingerprint,
        seed=seed,
        rows=len(test.label),
        clusters=resampler.clusters,
        drawn="users" if resampler.clusters < len(test.label) else "rows",
        draws=resampler.weight.shape[0] * LANES - 1,
        ranking_draws=resampler.ranking - 1,
        entries=[Compared(method=p.group.method, variant=p.group.variant, tags=dict(p.tags)) for p in kept],
        missing=dict(sorted(missing.items())),
        metrics={name: found for name, found in metrics.items() if any(v is not None for v in found.value)},
        slices={
            name: Slice(rows=int(mask.sum()), **{metric: of(f"{name}/{metric}") for metric in ("mae", "rmse", "xauc")})
            for name, mask in (masks if vectors else {}).items()
        },
    )


def _draws(path: Path, resampler: Resampler, key: str) -> dict[str, Array]:
    """A prediction's metrics on every draw, kept beside it: methods that come later are resampled alone."""
    place = path.with_name(f"{path.stem}-draws-{key}.npz")
    try:
        with place.open("rb") as raw, np.load(raw) as kept:
            return {name.replace("|", "/"): kept[name] for name in kept.files}
    except (OSError, ValueError, EOFError, BadZipFile):
        pass
    prediction = predictions.read(path)
    found = resampler.of(prediction) | _by_slice(resampler, prediction)
    arrays: dict[str, Any] = {name.replace("/", "|"): values for name, values in found.items()}
    content = io.BytesIO()
    np.savez(content, **arrays)
    with contextlib.suppress(OSError):  # what cannot be kept is made again
        put(place, content.getvalue())
    return found


def _by_slice(resampler: Resampler, prediction: Array) -> dict[str, Array]:
    """RMSE and XAUC of each slice, float64 [1]: their values alone."""
    y, p = ranked(resampler.label), ranked(prediction)
    found = {}
    for name, mask in resampler.slices.items():
        error = prediction[mask] - resampler.label[mask]
        found[f"{name}/rmse"] = np.array([np.sqrt(np.square(error).mean())])
        found[f"{name}/xauc"] = pair_counts(y.where(mask), p.where(mask)).score()
    return found


def spread(draws: Array, owner: Array, seedless: Sequence[bool], clusters: int) -> Spread:
    """The noise of each entry's mean over its seeds, from a metric on every draw: float64 [predictions, draws], draw 0
    the test set itself; owner: int [predictions], the entry of each; seedless: of each entry, whether it has one seed
    because more would not differ.

    With e[s, u] the error of seed s on user u, the mean over S seeds and U users varies by what users share over
    seeds, by what seeds share over users, and by the rest, which drawing users and drawing seeds both contain: drawing
    both at once counts it three times. So users are drawn alone, `users`^2; seeds add their sample variance / S less
    the rest, `seeds`^2, which is what is left of Efron's bootstrap over seeds in closed form, times S / (S - 1)."""
    defined = ~np.isnan(draws[:, 0])
    draws = np.where(defined[:, None], draws, np.nan)
    draws = draws[:, ~np.isnan(draws[defined]).any(0)]  # where a draw leaves one undefined, it is left out for all
    means = np.stack([draws[owner == e].mean(0) for e in range(len(seedless))])  # [entries, draws]
    if draws.shape[1] < 3:
        return Spread(value=_short(means[:, 0], 7))
    few = np.sqrt(clusters / max(clusters - 1, 1))
    return Spread(
        value=_short(means[:, 0], 7),
        users=_short(few * means[:, 1:].std(1, ddof=1), 4),
        seeds=_short([_of_seeds(draws[owner == e], none) for e, none in enumerate(seedless)], 4),
        pairs=[_short(few * (mean - means[:e])[:, 1:].std(1, ddof=1), 4) for e, mean in enumerate(means)],
    )


def _of_seeds(draws: Array, seedless: bool) -> float:
    """Returns what the choice of seeds adds to the standard error of their mean. draws: [seeds, draws]."""
    if (count := len(draws)) == 1:
        return 0.0 if seedless else np.nan
    rest = (draws - draws.mean(0))[:, 1:].var(1, ddof=1).mean() / (count - 1)
    return float(np.sqrt(np.maximum(draws[:, 0].var(ddof=1) / count - rest, 0.0)))


def _short(values: Sequence[float] | Array, digits: int) -> list[float | None]:
    """Few enough digits to read, None for what is undefined."""
    return [None if np.isnan(v) else float(f"{v:.{digits}g}") for v in values]
