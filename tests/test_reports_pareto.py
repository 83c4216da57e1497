"""Figures of error against cost."""

from xml.etree import ElementTree

import numpy as np

from reports.model.board import Board
from reports.plots.pareto import apart, figure, front
from reports.render import write
from tests import fake_noise
from tests.fake_noise import RECORDS, save_noise
from tests.fake_records import record, save


def test_the_front_is_what_nothing_cheaper_beats():
    assert front([(1, 5), (2, 6), (3, 4), (3, 3), (9, 3)]) == [0, 3]
    assert front([]) == []


def test_labels_keep_their_distance_and_their_order():
    moved = apart([1.0, 1.0, 1.1, 5.0], 0.5)
    assert moved[3] == 5.0
    assert min(np.diff(sorted(moved))) > 0.49
    assert apart([1.0, 3.0], 0.5) == [1.0, 3.0]


def test_figures_are_the_same_bytes_again_and_stand_beside_the_page(tmp_path):
    runs = save_noise(save(tmp_path / "runs", *RECORDS), fake_noise.resampled(RECORDS, users=0.2))
    assert figure(Board(RECORDS), "kuairand") == figure(Board(list(reversed(RECORDS))), "kuairand")
    write(runs, runs / "RESULTS.md")
    text = (runs / "pages" / "cost.md").read_text(encoding="utf-8")
    assert "![Error against cost on kuairand](../figures/cost-kuairand.svg)" in text
    svg = (runs / "figures" / "cost-kuairand.svg").read_text(encoding="utf-8")
    assert ">Boosted trees<" in svg.replace("\n", "") and "dc:date" not in svg
    assert sorted(p.name for p in (runs / "figures").iterdir()) == ["cost-kuairand.svg", "field.svg"]


def test_text_that_matplotlib_would_read_as_mathematics_or_xml_stands_as_it_is(tmp_path):
    """A title with dollars, and one with a control character, ended `report`."""
    titles = {"tr": "cost $5$ & <b>", "tpm": "a\x07 $$ b", "wlr": r"\\alpha_{x}"}
    records = [record(method=m, title=t, mae=20.0 + i, noise=0) for i, (m, t) in enumerate(titles.items())]
    svg = figure(Board(records), "kuairand")
    texts = "".join(ElementTree.fromstring(svg).itertext())
    for title in ("cost $5$ & <b>", "a  $$ b", r"\\alpha_{x}"):
        assert title in texts, texts
    write(save(tmp_path / "runs", *records))
