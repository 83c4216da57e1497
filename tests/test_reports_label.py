"""Which of two labels of the same rows leads, and what a label can and cannot show."""

import pytest

from benchmark.compare.ceiling import Ceiling, Parts, Point
from datasets import registry
from reports.evidence import field as fields
from reports.model.board import Board
from reports.model.folder import Folder
from reports.model.front import Front, Headline, front
from reports.sections.board import label
from reports.sections.front import datasets, picture
from tests import front_world
from tests.front_world import row
from tests.pages import lines, rows

FRONT = Front(plain={}, official=[], headline=[Headline("kuairec@ratio", ["kuairec"])])


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label, "front", lambda: FRONT)
    monkeypatch.setattr(fields, "front", lambda: FRONT)


def ceiling(dataset: str, user: float, item: float) -> Ceiling:
    return Ceiling(
        dataset=dataset, code="c0de", table="da7a", rows=100, users=10, items=10,
        parts=Parts(user=user, item=item, shared=0.0, residual=1 - user - item),
        errors=Parts(user=0.004, item=0.001, shared=0.001, residual=0.01),
        by_user=[Point(rows=None, xauc=0.7)], by_share=[Point(rows=100.0, xauc=0.6)],
    )  # fmt: skip


def world(*, time: float = 0.502, ratio: float = 0.71, item: float = 0.004) -> Board:
    """Both labels, with the XAUC of the bucket's mean; users explain a tenth of either."""
    found = []
    for dataset, bucket in (("kuairec", time), ("kuairec@ratio", ratio)):
        found += row(dataset, "tr", mae=3.0) + row(dataset, "d2q", mae=2.9)
        found += row(dataset, "median", mae=4.0, xauc=0.5) + row(dataset, "bucket_mean", mae=3.5, xauc=bucket)
    made = front_world.board(found)
    ceilings = {"kuairec": ceiling("kuairec", 0.1, item), "kuairec@ratio": ceiling("kuairec@ratio", 0.1, 0.4)}
    return Board(made.records, noise=made.noise, folder=Folder(ceilings=ceilings))


def test_a_factor_that_knows_next_to_nothing_cannot_show():
    text = label.told(world(), "kuairec")
    assert text.startswith("The duration's bucket alone orders rows with XAUC 0.502 (a constant 0.5).")
    assert "users explain 10.0 ± 0.4 %, items 0.4 ± 0.1 %" in text
    assert "So what a method makes of the duration or items alone cannot show here; what carries signal: users." in text
    assert "kuairec@ratio, the same rows: The duration's bucket alone orders rows with XAUC 0.710" in text
    items = label.told(world(item=0.2), "kuairec")
    assert "makes of the duration alone cannot show here; what carries signal: items and users." in items
    assert "cannot show" not in label.told(world(time=0.6, item=0.2), "kuairec")


def test_an_order_that_comes_with_the_definition_is_named():
    assert "On kuairec, the same rows, the duration orders nothing" in label.told(world(), "kuairec@ratio")
    assert "orders nothing" not in label.told(world(time=0.6), "kuairec@ratio")
    assert "orders nothing" not in label.told(world(ratio=0.505), "kuairec@ratio")


def test_without_constants_of_buckets_and_components_nothing_is_said():
    bare = Board(row("kuairec", "tr", mae=3.0))
    assert label.told(bare, "kuairec") == "" and label.section(bare, "kuairec") is None
    assert label.section(world(), "kuairec") is not None


def test_the_leading_label_stands_first_and_alone_in_the_standing():
    here = world()
    found = datasets.section(here)
    assert [r["board"] for r in rows(found.parts[0].tables[0])] == ["kuairec@ratio", "kuairec"]
    assert "The headline of kuairec's rows is kuairec@ratio. The duration's bucket" in lines(found)
    assert picture.pooled(here) is None, "one board of watch time is no standing over boards"
    both = front_world.board(*[row(d, m, mae=2.0 + n) for d in ("kuairec", "kuairec@ratio", "kuairand")
                               for n, m in enumerate(("tr", "d2q", "median"))])  # fmt: skip
    section = picture.pooled(both)
    assert section.parts[0].tables[0].caption == "Over 2 boards of watch time"
    assert "kuairec stands behind kuairec@ratio" in section.about[1]


def test_without_numbers_of_the_leading_label_the_other_stands_for_itself():
    alone = front_world.board(row("kuairec", "tr", mae=3.0), row("kuairec", "median", mae=4.0))
    assert "headline" not in lines(datasets.section(alone))


def test_the_committed_configuration_names_datasets():
    known = set(registry.names())
    for one in front().headline:
        assert {one.dataset, *one.aside} <= known and one.dataset not in one.aside
