"""board.html: the numbers of RESULTS.md in one page that needs nothing else."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from benchmark.files.paths import version
from benchmark.records.record import Cost
from reports.model.calibrated import DECILES
from reports.model.folder import digest
from reports.plots.axes import Axis, decades, most, rounds, spread
from reports.plots.geometry import SIDE, dots, panels, planes
from reports.render import Report, as_html, gather, places, write
from tests.fake_records import STALE, record, save, seeds, world
from tests.pages import bare_rows, html_tables, tables_of, unpacked

VOID = {"meta", "link", "input", "br", "hr", "img"}
CELLS = {"td", "th"}
OPTIONAL = {*CELLS, "tr", "li"}  # their end tags


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    return save(tmp_path_factory.mktemp("world") / "runs", *world())


def raw(report: Report) -> str:
    """The file's own text."""
    assert report.board.folder.runs is not None
    return as_html(report, places(report.board.folder.runs))


def page(report: Report) -> str:
    """With every view unpacked."""
    return unpacked(raw(report))


@pytest.fixture(scope="module")
def found(runs) -> Report:
    return gather(runs, STALE)


@pytest.fixture(scope="module")
def text(found) -> str:
    return page(found)


def test_every_table_of_every_page_stands_on_it_with_the_same_texts(found, text):
    tables = html_tables(text)
    assert tables == {name: bare_rows(table) for name, table in tables_of(found).items()}
    assert {"leaderboard-kuairand", "provenance-kuairand", "checklist-gr"} <= tables.keys()


def test_an_entry_is_sorted_by_its_number(found, text):
    """By the number that its text begins with, or by one beside it: of a rank, a verdict, a million parameters."""
    values = {}
    for name in ("leaderboard-kuairand", "gr-7-kuairec-watch-time"):
        table, region = tables_of(found)[name], text.split(f'id="{name}"', 1)[1].split("</table>", 1)[0]
        cell = r"<t[dh](?: class=l)?(?: data-value=\"([^\"]*)\")?>([^\n]*?)(?=<t[dhr]|\n)"
        cells = [match.groups() for match in re.finditer(cell, region.split("<tbody>")[1])]
        entries = [(column, entry) for row in table.rows for column, entry in zip(table.columns, row, strict=True)]
        assert len(cells) == len(entries)
        for (beside, shown), (column, entry) in zip(cells, entries, strict=True):
            begins = re.match(r"[-+\d.,]+", re.sub("<[^>]*>", "", shown))
            read = begins[0].replace(",", "") if begins and not column.words else ""
            read = read if beside is None else beside
            half = 0.51 * 10.0 ** -(column.digits or 0)
            assert (float(read) if read else None) == (
                None if entry.value is None else pytest.approx(entry.value, rel=1e-5, abs=0 if beside else half)
            )
            values.setdefault(name, []).append(float(read) if read else None)
    assert 861234 in values["gr-7-kuairec-watch-time"]


def test_best_and_second_are_marked_as_in_results_md(text):
    row = next(line for line in text.splitlines() if "<th>Boosted trees<td>absolute<td>" in line)
    assert "<strong>20.297" in row
    assert re.search(r"<u>20\.6\d\d", text.split('id="leaderboard-kuairand"')[1])


def test_the_same_records_give_the_same_bytes(runs, text, tmp_path):
    again = save(tmp_path / "again", *reversed(world()))
    assert page(gather(again, dict(reversed(STALE.items())))).replace(str(again), str(runs)) == text
    assert raw(gather(runs, STALE)) == raw(gather(runs, STALE))


def test_the_page_carries_the_digest_and_asks_for_nothing(runs, text):
    assert f"<!-- records sha256:{digest(runs)} -->" in text and f"of version {version()} from" in text
    assert not re.search(r"(?:src|href)=[\"'](?!#|data:)|url\(|@import|https?:", text)
    scripts = re.findall(r"<script>(.*?)</script>", text, flags=re.S)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{found}'" for found in hashes)
    assert len(scripts) == 2
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src {allowed}; img-src data:" in text


class Outline(HTMLParser):
    """Tags in balance, ids once, and the headings' levels."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.refers: list[str] = []
        self.levels: list[int] = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids += [given["id"]] if "id" in given else []
        for name in ("aria-labelledby", "aria-describedby", "for"):
            self.refers += (given.get(name) or "").split()
        self.refers += [given["href"][1:]] if given.get("href", "").startswith("#") else []
        self.levels += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []
        self._close({"td": CELLS, "th": CELLS, "tr": {*CELLS, "tr"}, "li": {"li"}}.get(tag, set()))
        if tag not in VOID:
            self.open.append(tag)

    def _close(self, implied):
        """What ends without an end tag, as HTML allows of cells, rows and items."""
        while self.open and self.open[-1] in implied:
            self.open.pop()

    def handle_startendtag(self, tag, attrs):
        """<line/>: nothing stays open."""

    def handle_endtag(self, tag):
        if tag not in OPTIONAL:
            self._close(OPTIONAL)
        assert self.open.pop() == tag, self.getpos()


def test_the_page_is_well_formed_and_its_headings_descend_one_by_one(found, text):
    outline = Outline()
    outline.feed(text)
    assert outline.open == []
    assert len(outline.ids) == len(set(outline.ids))
    assert set(outline.refers) <= set(outline.ids)
    assert outline.levels[0] == 1 and outline.levels.count(1) == len(found.pages)  # one for each view
    assert all(after <= before + 1 for before, after in pairwise(outline.levels))


def test_text_of_a_record_cannot_become_markup(tmp_path):
    evil = "</script><script>alert(1)</script> <img src=x onerror=alert(1)> `*_"
    save(tmp_path, *seeds(2), record(method="tr", outcome="failed", error=evil), record(method="wlr", title="<b>W</b>"))
    text = page(gather(tmp_path))
    assert text.count("<script>") == 2 and "<img" not in text and "<b>" not in text
    (row,) = (row for row in html_tables(text)["leaderboard-kuairand"] if row[1] == "TR / VR")
    assert row[-1] == f"seed 0 failed: {evil.replace('`', chr(39))}"


def test_no_records_make_a_page_that_says_so(tmp_path):
    text = page(gather(tmp_path / "none"))
    assert "There are no records yet" in text and html_tables(text) == {}


def test_the_figure_stands_where_the_numbers_say(found):
    figure = dots(found.board.ranked, "kuairand", "name")
    assert figure is not None
    xs = [dot.x for dot in figure.dots]
    assert xs == sorted(xs) and len(xs) == 10
    assert all(dot.low <= dot.x <= dot.high for dot in figure.dots)
    assert figure.guide == next(dot.x for dot in figure.dots if dot.label == "Bucket median")
    assert dots(found.board.ranked, "nowhere", "name") is None


def test_a_value_far_out_stands_at_the_edge_and_says_so(tmp_path):
    maes = {"tr": 20.0, "tpm": 20.4, "wlr": 20.8, "d2q": 21.0, "cread": 21.5, "gr": 500.0}
    for method, mae in maes.items():
        save(tmp_path, *seeds(2, method=method, mae=mae))
    board = gather(tmp_path).board.ranked
    figure = dots(board, "kuairand", "name")
    assert figure is not None
    assert [dot.outside for dot in figure.dots] == [False] * 5 + [True]
    assert figure.dots[-1].x == 580 and float(figure.ticks[-1][1]) < 30
    (point,) = (p for p in planes(board, "kuairand", "plane")[0].points if p.told.startswith("GR"))
    assert point.label.startswith("GR ↑ 5") and point.y == 16


def test_the_plane_of_error_and_cost_names_what_nothing_cheaper_beats(tmp_path):
    told = {"tr": (20.0, 9.0), "tpm": (21.0, 3.0), "wlr": (22.0, 5.0), "median": (25.0, 0.0004)}
    for method, (mae, seconds) in told.items():
        cost = Cost(seconds, 1000.0, 10, 100.0, 0.5, "cpu", 1)
        save(tmp_path, record(method=method, mae=mae, noise=0, cost=cost))
    training, _ = planes(gather(tmp_path).board.ranked, "kuairand", "plane")
    points = {point.told.split(":")[0]: point for point in training.points}
    assert {name for name, point in points.items() if point.front} == {"TR / VR", "TPM", "Constant median"}
    assert points["Constant median"].x < points["TPM"].x < points["WLR"].x < points["TR / VR"].x
    assert points["TR / VR"].y > points["TPM"].y > points["WLR"].y  # the least error lowest
    assert all(point.label for point in points.values())
    assert planes(gather(tmp_path).board.ranked, "nowhere", "plane") == []


def test_a_calibration_panel_shows_each_decile_where_its_means_say(tmp_path):
    slices = {name: {"prediction": 2.0 * 10**i, "label": 10.0**i, "rows": 10.0} for i, name in enumerate(DECILES[:3])}
    for seed in range(2):
        metrics = {"valid": {"mae": 5.0}, "test": {"mae": 5.0, "decile_mape": 0.5}}
        save(tmp_path, record(dataset="cdnow", method="ziln", seed=seed, metrics=metrics, slices=slices))
    figure = panels(gather(tmp_path).board.ranked, "cdnow", "panels")
    assert figure is not None
    (panel,) = figure.panels
    assert panel.label == "ZILN" and panel.points[0][2].startswith("1: predicted 2 ")
    assert all(x > SIDE - y for x, y, _ in panel.points[:3])  # right of the diagonal: too much is predicted
    assert panels(gather(tmp_path).board.ranked, "nowhere", "panels") is None


def test_labels_keep_their_distance_and_their_order():
    moved = spread([10.0, 11.0, 12.0, 200.0, 290.0, 291.0], 13, 12, 300)
    assert moved == sorted(moved) and moved[0] == 12 and moved[-1] <= 300
    assert all(b - a >= 13 for a, b in pairwise(moved))
    assert spread([], 13, 0, 1) == []


def test_a_logarithmic_axis_has_a_tick_per_decade():
    axis = Axis(decades(0.004, 31.0), 0, 100, log=True)
    assert axis.ticks == ((0, "0.001"), (20, "0.01"), (40, "0.1"), (60, "1"), (80, "10"), (100, "100"))
    assert most([1.0, 1.1, 1.2, 1.3, 90.0]) == 1.3 and most([1.0, 90.0]) == 90.0


@pytest.mark.parametrize(("low", "high"), [(20.0, 27.1), (0.0, 1e-3), (-3.0, 4.0), (5.0, 5.0), (0.0, 0.0), (1e6, 3e6)])
def test_ticks_are_few_and_hold_the_values(low, high):
    marks = rounds(low, high)
    assert marks[0] <= low and marks[-1] >= high and 2 <= len(marks) <= 8


def test_the_page_lies_beside_results_md(runs, text, tmp_path):
    write(runs, tmp_path / "RESULTS.md", STALE)
    assert unpacked((tmp_path / "board.html").read_text(encoding="utf-8")) == text
