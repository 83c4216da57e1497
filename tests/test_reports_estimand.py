"""Like with like: what a row says it estimates, whether its total denies it, and who is first among its like."""

from pathlib import Path

import pytest
from scipy.stats import chi2

from benchmark.records.estimand import Case, Estimand, encode
from benchmark.records.record import Record
from reports.evidence.contest import contest
from reports.evidence.estimand import between, estimates, like, missed, told
from reports.model.board import Board
from reports.model.folder import Folder
from reports.render import gather
from reports.sections.board import leaderboard, matched
from reports.sections.findings.like import matched as finding
from reports.sections.front import datasets
from tests import front_world
from tests.fake_noise import resampled
from tests.fake_records import save
from tests.front_world import row
from tests.pages import by, lines, rows

SAID = {
    "tr": Estimand("mean", "squared error"),
    "wlr": Estimand("mean", "odds"),
    "prowtp": Estimand("mean"),
    "d2q": Estimand("median", "a quantile"),
    "boosting": Estimand("mean", "squared error", [Case({"loss": "absolute_error"}, "median", "absolute error")]),
    "gr": Estimand(""),
    "mean": Estimand("mean"),
    "median": Estimand("median"),
}
WORLD = (
    row("kuairand", "tr", mae=23.0, rmse=40.0, ratio=0.97),
    row("kuairand", "wlr", mae=22.0, rmse=40.5, ratio=0.85),
    row("kuairand", "d2q", mae=20.0, rmse=44.0, ratio=0.4),
    row("kuairand", "boosting", "absolute", mae=20.5, rmse=43.0, ratio=0.4, config={"loss": "absolute_error"}),
    row("kuairand", "gr", mae=21.0, rmse=43.0, ratio=0.5),
    row("kuairand", "tpm", mae=23.5, rmse=40.2, ratio=1.0),
    row("kuairand", "mean", mae=26.0, rmse=42.0, ratio=1.0, xauc=0.5),
    row("kuairand", "median", mae=21.5, rmse=46.0, ratio=0.26, xauc=0.5),
)


def board(*more: list[Record], pairs: float = 0.01, without: bool = False) -> Board:
    made = front_world.board(*WORLD, *more, pairs=pairs, without=("kuairand",) if without else ())
    return Board(made.records, noise=made.noise, folder=Folder(estimands=SAID))


def words(here: Board) -> dict[str, str]:
    return {e.full: told(here, e) for e in here.of("kuairand")}


def test_a_row_is_what_its_method_says_in_its_configuration():
    found = words(board())
    assert found["TR / VR"] == "mean" and found["D2Q"] == "median" and found["GR"] == "neither" and found["TPM"] == ""
    assert found["Boosted trees (absolute)"] == "median"


def test_a_mean_whose_total_is_a_tenth_off_is_marked_unless_noise_could_do_it():
    assert words(board())["WLR"] == "mean ≠"
    assert words(board(pairs=0.2))["WLR"] == "mean", "0.15 of 1 is within two errors of 0.2"
    assert words(board(without=True))["WLR"] == "mean ≠"
    near = words(board(row("kuairand", "prowtp", mae=24.0, ratio=0.91)))
    assert near["ProWTP"] == "mean"


def test_a_median_of_labels_with_a_long_tail_lies_below_the_mean():
    high = row("kuairand", "d2q", "high", mae=20.1, ratio=1.02)
    assert words(board(high))["D2Q (high)"] == "median ≠"
    even = [r for r in board(high).records if r.method != "median"] + row("kuairand", "median", mae=21.5, ratio=0.98)
    assert words(Board(even, folder=Folder(estimands=SAID)))["D2Q (high)"] == "median", "there both are alike"


def test_the_leaderboard_has_the_column_where_anybody_says():
    shown = by(leaderboard.table(board(), "kuairand"), "method")
    assert shown["WLR"]["estimates"] == "mean ≠" and shown["TPM"]["estimates"] == "–"
    assert "estimates" not in rows(leaderboard.table(Board(board().records), "kuairand"))[0]


def test_rows_compete_with_their_like_by_the_error_that_they_have_least_of():
    here = board()
    found = matched.section(here, "kuairand")
    median, mean = (by(table, "method") for table in found.parts[0].tables)
    assert list(median) == ["D2Q", "Boosted trees (absolute)", "*Constant median*"]
    assert list(mean) == ["TR / VR", "WLR", "*Constant mean*"]
    assert [r["# by MAE"] for r in median.values()] == ["1", "2", "3"] and median["D2Q"][
        "MAE ↓"
    ] == "**20.000 ± 0.000**"
    assert (
        mean["WLR"]["predicted / actual"] == "0.850 ± 0.000 (≠)" and mean["TR / VR"]["why it is one"] == "squared error"
    )
    assert "Neither a mean nor a median by their own word: GR." in lines(found) and "Not said: TPM." in lines(found)


def test_means_that_another_error_stopped_are_counted():
    """One network of those that estimate a mean; a median that was stopped so is at home."""
    by_mae = {"protocol": {"stop": "mae"}}
    here = board(
        row("kuairand", "prowtp", mae=24.0, ratio=1.0, **by_mae), row("kuairand", "d2q", "o", mae=24.0, **by_mae)
    )
    assert "1 of the rows that estimate a mean keep the epoch of the least MAE" in lines(
        matched.section(here, "kuairand")
    )
    assert "keep the epoch" not in lines(matched.section(board(), "kuairand"))


def test_ties_are_counted_among_the_like_alone():
    """Of six and more rows Holm asks for more than of three: what is tied on the leaderboard may be apart here."""
    here, error = board(), 0.22
    noise = resampled(list(here.records), pairs=error, users=error, seeds=0.0)
    here = Board(here.records, noise={"kuairand": noise}, folder=here.folder)
    d2q, trees = (here.get("kuairand", *name) for name in (("d2q", "default"), ("boosting", "absolute")))
    assert not contest(here, "kuairand", "mae").beats(d2q, trees)
    median = like(here, "median")
    d2q, trees = (median.get("kuairand", *name) for name in (("d2q", "default"), ("boosting", "absolute")))
    assert contest(median, "kuairand", "mae").beats(d2q, trees)


def test_the_share_of_the_order_by_mae_that_kinds_explain():
    """Nine rows in two kinds whose ranks do not overlap: eta squared of the ranks by hand."""
    said = {f"m{n}": Estimand("median" if n < 3 else "mean") for n in range(9)}
    found = [r for n in range(9) for r in row("kuairand", f"m{n}", mae=20.0 + n)]
    here = Board(found, folder=Folder(estimands=said))
    ranks = range(1, 10)
    within = sum((r - 2) ** 2 for r in ranks if r < 4) + sum((r - 6.5) ** 2 for r in ranks if r >= 4)
    whole = sum((r - 5) ** 2 for r in ranks)
    shared = between(here, here.of("kuairand"), "mae")
    assert shared.share == pytest.approx(1 - within / whole) and shared.chance == pytest.approx(1 / 8)
    assert shared.p == pytest.approx(chi2.sf(8 * shared.share, 1))
    assert between(here, here.of("kuairand")[:7], "mae") is None
    same = Board(found, folder=Folder(estimands=dict.fromkeys(said, Estimand("mean"))))
    assert between(same, same.of("kuairand"), "mae") is None


def test_the_front_page_names_who_leads_their_like():
    (table,) = [t for t in datasets.section(board()).parts[0].tables if t.name == "boards-like"]
    (line,) = rows(table)
    assert line["least MAE of those that estimate a median"] == "D2Q 20.000 (+0 of 2)"
    assert line["least RMSE of those that estimate a mean"] == "TR / VR 40.000 (+0 of 2)"
    wide = datasets.section(board(pairs=2.0)).parts[0].tables[1]
    assert rows(wide)[0]["least RMSE of those that estimate a mean"] == "TR / VR 40.000 (+2 of 2)"
    blind = datasets.section(board(without=True)).parts[0].tables[1]
    assert rows(blind)[0]["least MAE of those that estimate a median"] == "D2Q 20.000 (? of 2)"
    assert "boards-like" not in [t.name for t in datasets.section(Board(board().records)).parts[0].tables]


def test_without_anybodys_word_there_is_no_such_section():
    assert matched.section(Board(board().records), "kuairand") is None
    assert list(finding(Board(board().records))) == []


def test_the_finding_names_the_leaders_and_the_papers_methods():
    (found,) = finding(board(row("kuairand", "prowtp", mae=24.0, rmse=39.0, ratio=1.0)))
    assert (
        "median the least MAE has most often D2Q (1 of 1 boards; noise leaves the best alone on 1 of 1)" in found.text
    )
    assert "mean the least RMSE has most often ProWTP (1 of 1 boards" in found.text
    assert "noise leaves ProWTP first on 1 of 1" in found.text
    assert "Of 6 rows of networks 1 estimate a median and 3 a mean" in found.text
    assert "of 1 predicted / actual says that they do not" in found.text
    (other,) = finding(board(row("kuairand", "prowtp", mae=24.0, rmse=41.0, ratio=1.0)))
    assert "noise leaves ProWTP first on none of 1" in other.text and "most often TR / VR" in other.text


def test_what_is_said_is_read_beside_the_records_and_counts_in_the_digest(tmp_path: Path):
    runs = save(tmp_path, *[r for made in WORLD for r in made])
    before = gather(runs).digest
    (runs / "estimands.json").write_bytes(encode(SAID))
    report = gather(runs)
    assert report.digest != before
    (tr,) = [e for e in report.board.of("kuairand") if e.method == "tr"]
    assert estimates(report.board, tr) == "mean" and not missed(report.board, tr)
