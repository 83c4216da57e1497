"""How well a log can be ordered: what is kept of it, what the page says of it, and methods with fewer training rows."""

import msgspec
import numpy as np
import pytest

from benchmark.compare import ceiling
from benchmark.compare.ceiling import Ceiling, Parts, Point, measured
from benchmark.files.errors import UserError
from benchmark.plan import suite
from benchmark.plan.catalog import catalog
from benchmark.records.record import Record
from benchmark.records.store import Store
from datasets import cache, registry
from datasets.base import Table
from datasets.kuairand import KuaiRand
from datasets.preparing.shares import thinned
from datasets.schema import Field, Rows, Schema
from reports.model.board import Board
from reports.model.folder import digest, read
from reports.model.methods import bases, methods, sizes
from reports.render import gather, write
from reports.sections import ceiling as page
from reports.sections import size
from reports.sections.findings.ceiling import ceiling as finding
from tests import fixtures
from tests.fake_records import FACTS, record, save, seeds
from tests.pages import by, lines, section_of


def log(users: int = 60, items: int = 40, rows: int = 2400, unknown: int = 0) -> Table:
    """A log whose users matter and items hardly do; the last third is the test. unknown: test rows of nobody known."""
    rng = np.random.default_rng(0)
    user, item = rng.integers(users, size=rows), rng.integers(items, size=rows)
    label = np.exp(rng.normal(size=users)[user] + rng.normal(size=rows))
    ids = np.stack([user + 1, item + 1], 1).astype(np.int32)
    ids[rows - unknown :] = 0
    split = dict(
        zip(
            ("train", "valid", "test"),
            np.split(np.arange(rows, dtype=np.int32), [rows // 3, rows * 2 // 3]),
            strict=True,
        )
    )
    schema = Schema("watch_time", "s", (Field("user_id", users + 1), Field("video_id", items + 1)), buckets=1)
    return Table(schema, Rows(ids=ids, label=label.astype(np.float32)), split, {}, "da7a")


def test_a_ceiling_counts_the_training_rows_of_the_test_rows_users():
    made = measured("x", log())
    assert (made.rows, made.users, made.items, made.table) == (800, 60, 40, "da7a")
    assert made.parts.user == pytest.approx(0.5, abs=0.12) and abs(made.parts.item) < 0.06
    assert sum(msgspec.structs.astuple(made.parts)) == pytest.approx(1, abs=1e-5)
    assert [point.rows for point in made.by_user] == [1, 5, 27, None]
    assert [point.rows for point in made.by_share] == pytest.approx([8, 24, 80, 240, 800])
    for points in (made.by_user, made.by_share):
        assert [p.xauc for p in points] == sorted(p.xauc for p in points)
    unknown = measured("x", log(unknown=800))
    assert {point.xauc for point in unknown.by_share} == {0.5} and unknown.by_user == made.by_user


def test_nothing_of_a_row_or_an_id_is_kept():
    """Of another log with the same variances the file is as long: what grows with the rows is not in it."""
    small, large = (len(msgspec.json.encode(measured("x", log(rows=rows)))) for rows in (2400, 24_000))
    assert abs(large - small) < 40


@pytest.mark.parametrize("fault", ["no item", "one row each"])
def test_a_table_that_tells_nothing_has_no_ceiling(fault):
    table = log(users=2399, items=2399) if fault == "one row each" else log()
    if fault == "no item":
        schema = Schema("watch_time", "s", (Field("user_id", 61),), buckets=1)
        table = Table(schema, log().rows, log().split, {}, "da7a")
    with pytest.raises(ValueError, match=r"no item|cannot tell"):
        measured("x", table)


def watched(**changes: object) -> Record:
    return record(method="tr", **({"facts": FACTS["kuairand"]} | changes))  # type: ignore[arg-type]


def test_a_ceiling_is_made_once_and_again_when_the_table_moves(tmp_path, monkeypatch):
    store, said, table = Store(save(tmp_path, watched())), [], ["da7a"]
    monkeypatch.setattr(registry, "get", lambda name, root=None: name)
    monkeypatch.setattr(cache, "cached_fingerprint", lambda dataset, root: table[0])
    monkeypatch.setattr(cache, "load", lambda dataset, root: log())
    ceiling.KIND.refresh(store, None, said.append)
    place = tmp_path / "kuairand" / ceiling.KIND.file
    before = place.read_bytes()
    assert ceiling.KIND.read(place.parent) == measured("kuairand", log())
    ceiling.KIND.refresh(store, None, said.append)
    assert said == ["kuairand: how much of its label is the user's and the item's"] and place.read_bytes() == before
    table[0] = "m0ved"
    ceiling.KIND.refresh(store, None, said.append, only=("another",))
    assert len(said) == 1
    ceiling.KIND.refresh(store, None, said.append)
    assert len(said) == 2


@pytest.mark.parametrize("changes", [{"facts": {"rows": 9}}, {"protocol": {"options": {"training_share": 0.1}}}])
def test_records_without_durations_or_of_a_share_of_the_rows_have_none(tmp_path, changes):
    said: list[str] = []
    ceiling.KIND.refresh(Store(save(tmp_path, watched(**changes))), None, said.append)
    assert not said and not (tmp_path / "kuairand" / ceiling.KIND.file).exists()


def known(**changes: object) -> Ceiling:
    made = Ceiling(
        dataset="kuairand", code="c0de", table="da7a", rows=119_462, users=23_000, items=5_200,
        parts=Parts(user=0.13, item=0.05, shared=0.05, residual=0.77),
        errors=Parts(user=0.003, item=0.002, shared=0.002, residual=0.004),
        by_user=[Point(rows=k, xauc=x) for k, x in ((1, 0.57), (5, 0.62), (27, 0.65), (None, 0.66))],
        by_share=[Point(rows=k, xauc=x) for k, x in ((1194.62, 0.53), (11_946.2, 0.58), (119_462.0, 0.63))],
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"format": 2}, "of format 2"), ({"by_share": [Point(rows=1, xauc=1.2)]}, "<= 1.0")],
)
def test_another_file_in_its_place_is_refused_by_name(tmp_path, changes, words):
    ceiling.KIND.write(tmp_path, known(**changes))
    with pytest.raises(UserError, match=rf"ceiling\.json .*{words}"):
        ceiling.KIND.read(tmp_path)


def test_the_page_holds_the_best_row_against_what_is_predicted(tmp_path):
    best = seeds(2, method="d2q")
    for one in best:
        one.metrics["test"]["xauc"] = 0.8
    runs = save(tmp_path, *seeds(2, method="tr"), *best, record(method="oracle"))
    before = digest(runs)
    ceiling.KIND.write(runs / "kuairand", known())
    assert digest(runs) != before and read(runs).ceilings == {"kuairand": known()}
    found = section_of(gather(runs), "ceiling", "ceiling")
    parts, predicted = (part.tables[0] for part in found.parts)
    assert by(parts, "dataset")["kuairand"]["user %"] == "13.0 ± 0.3"
    row = by(predicted, "dataset")["kuairand"]
    assert (row["27 rows a user"], row["endless rows"], row["here"]) == ("0.6500", "0.6600", "0.6300")
    assert row["best row"] == "D2Q" and row["training rows a user"] == "5.2"
    assert "D2Q orders best with 0.8000, 0.1700 above the 0.6300 of shrunken means" in lines(found)
    ceiling.KIND.write(runs / "kuairand", known(table="m0ved"))  # of other rows than the records'
    assert page.section(Board(read(runs).records, folder=read(runs))) is None


# --- less to learn from


def splitmix(place: int) -> int:
    """The reference, on Python's integers."""
    mask = (1 << 64) - 1
    x = (place + 1) * 0x9E3779B97F4A7C15 & mask
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & mask
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & mask
    return x ^ (x >> 31)


def test_a_share_is_of_the_training_rows_with_the_least_hash_and_shares_lie_inside_each_other():
    split = dict(zip(("train", "valid", "test"), np.array_split(np.arange(3000, dtype=np.int32), 3), strict=True))
    shares = {share: thinned(split, share) for share in (0.0001, 0.01, 0.1, 0.3, 1.0)}
    assert [len(found["train"]) for found in shares.values()] == [1, 10, 100, 300, 1000]
    order = sorted(range(1000), key=splitmix)
    for found in shares.values():
        assert found["train"].tolist() == sorted(order[: len(found["train"])])
        assert found["valid"] is split["valid"] and found["test"] is split["test"]


def test_a_protocol_of_fewer_rows_keeps_the_others_rows_and_knows_fewer_users(tmp_path):
    fixtures.kuairand(tmp_path)
    whole, part = KuaiRand().build(tmp_path), KuaiRand("kuairand@rows-30", share=0.3, batch=256).build(tmp_path)
    for name in ("valid", "test"):
        np.testing.assert_array_equal(part.split[name], whole.split[name])
        np.testing.assert_array_equal(part.view(name).label, whole.view(name).label)
    assert set(part.split["train"]) < set(whole.split["train"])
    assert len(part.split["train"]) == round(0.3 * len(whole.split["train"]))
    user = [f.name for f in part.schema.fields].index("user_id")
    train = part.rows.ids[part.split["train"], user]
    assert part.schema.fields[user].size == len(np.unique(train)) + 1 < whole.schema.fields[user].size
    assert (train > 0).all()


def test_every_size_is_a_protocol_beside_its_base_and_the_suite_trains_what_the_page_shows():
    asked = suite.load("size")
    (grid,) = asked.grids
    assert set(grid.methods) == set(sizes().methods) and set(grid.datasets) == {*sizes().datasets, sizes().base}
    base = registry.get(sizes().base).protocol
    shares = []
    for name in sizes().datasets:
        assert bases()[name] == sizes().base
        options = dict(registry.get(name).protocol.options)
        shares.append(options.pop("training_share"))
        assert options == base.options and f"{100 * shares[-1]:g} %" in registry.get(name).protocol.split
    assert shares == sorted(shares)


def less(dataset: str, train: int, **xauc: float) -> list[Record]:
    facts = FACTS["kuairand"] | {"split_sizes": {"train": train, "valid": 39_821, "test": 39_821}}
    found = []
    for method, value in xauc.items():
        for one in seeds(2, dataset=dataset, method=method, facts=facts):
            one.metrics["test"]["xauc"] = value + 0.001 * one.seed
            found.append(one)
    return found


def test_the_page_shows_what_more_rows_are_worth(tmp_path):
    records = [
        *less("kuairand@rows-1", 1195, tr=0.54, d2q=0.52),
        *less("kuairand@rows-10", 11_946, tr=0.57, d2q=0.58),
        *less("kuairand", 119_462, tr=0.61, d2q=0.63),
    ]
    runs = save(tmp_path, *records)
    ceiling.KIND.write(runs / "kuairand", known())
    report = write(runs)
    found = section_of(report, "ceiling", "size")
    table = by(found.parts[0].tables[0], "XAUC ↑, training rows")
    assert table["D2Q"]["119,462 ↑"] == "**0.6305 ± 0.0007**" and table["*predicted*"]["1,195 ↑"] == "0.5300"
    text = lines(found)
    assert "1,195 TR / VR (0.5405); 11,946 D2Q (0.5805); 119,462 D2Q (0.6305)" in text
    assert "From 11,946 to 119,462 training rows XAUC moves by +0.0400 (TR / VR) to +0.0500 (D2Q)" in text
    assert "predicted +0.0500" in text
    epoch = records[0].curve.best_epoch
    assert f"over the networks and their seeds: 1,195 {epoch} to {epoch} ({epoch} in the middle); 11,946" in text
    assert report.board.datasets == ["kuairand"]  # shares have no board of their own
    svg = (runs / "figures" / "size-kuairand.svg").read_text(encoding="utf-8")
    assert "predicted from users and items" in svg and "11,946" in svg and len(svg) < 100_000


def test_one_size_shows_no_curve():
    assert size.section(Board(less("kuairand", 119_462, tr=0.6))) is None


# --- rows that no seed decides


def test_every_method_that_no_seed_decides_is_known_to_the_pages():
    found = {name for name, entry in catalog()[0].items() if entry.deterministic}
    assert methods().seedless <= found
    unsaid = {name for name in found if not Board([record(method=name, curve=None)]).of("kuairand")[0].seedless}
    assert not unsaid
    one = Board([record(method="additive", curve=None)]).of("kuairand")[0]
    assert not one.remarks and not one.few and one.label == "additive" and one.metric("mae").std == 0


def test_the_front_page_says_how_near_the_best_orderings_are_and_whose_they_are(tmp_path):
    runs = save(tmp_path, *less("kuairand", 119_462, tr=0.61), *less("kuairand", 119_462, boosting=0.64))
    assert not list(finding(Board(read(runs).records, folder=read(runs))))
    ceiling.KIND.write(runs / "kuairand", known())
    (said,) = finding(Board(read(runs).records, folder=read(runs)))
    assert "are +0.0105 XAUC from what shrunken user and item means are predicted to reach" in said.text
    assert "0.6405 against 0.6300. On 1 of 1 the best row is no network but Boosted trees." in said.text
