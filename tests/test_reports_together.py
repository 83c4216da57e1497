"""Whether printed numbers can belong together: what a row's XAUC says of its errors, row by row and in a sentence."""

from pathlib import Path

import pytest

from benchmark.compare import marginal
from benchmark.compare.copula import Copula, rho_of
from benchmark.compare.marginal import Marginal, binned
from benchmark.files.errors import UserError
from benchmark.records.store import Store
from reports.evidence.estimand import observed
from reports.evidence.printed import together
from reports.evidence.printed.together import Reach, word
from reports.model.board import Board
from reports.model.folder import Folder
from reports.model.papers import Printed, papers
from reports.render import gather
from reports.sections.findings import printed as findings
from reports.sections.paper import together as section_of
from tests.fake_records import record, save
from tests.front_world import row
from tests.label_world import COPULA, KEPT, LABELS, estimating
from tests.pages import lines, rows

PAPER = papers()["ProWTP"]


def board(off: float = 0.02, *more):
    """Three rows that estimate a mean or a median; the copula is off by `off` on one of them."""
    records = [
        *estimating("mean", "tr", 0.60),
        *estimating("median", "d2q", 0.62),
        *estimating("mean", "tpm", 0.61, off=off),
    ]
    records += [r for made in more for r in made]
    return Board(records, folder=Folder(marginals={"kuairand": KEPT}))


def test_a_row_tells_by_its_total_if_it_is_near_a_mean_or_a_median():
    both = row("kuairand", "cread", mae=20.0, xauc=0.6, ratio=(1 + COPULA.at(rho_of(0.6)).median.ratio) / 2)
    far = row("kuairand", "wlr", mae=20.0, xauc=0.6, ratio=1.6)
    here = board(0.02, both, far)
    found = {e.method: observed(here, e) for e in here.of("kuairand")}
    assert found == {"tr": "mean", "tpm": "mean", "d2q": "median", "cread": "neither", "wlr": "neither"}


def test_without_the_labels_distribution_the_constants_are_the_ends():
    rows_ = [row("cdnow", "median", mae=5.0, ratio=0.0), row("cdnow", "mean", mae=8.0, rmse=30.0, ratio=1.1)]
    rows_ += [row("cdnow", m, mae=6.0, ratio=r) for m, r in (("tr", 1.0), ("gr", 0.2), ("ziln", 0.6))]
    here = Board([r for made in rows_ for r in made])
    found = {e.method: observed(here, e) for e in here.of("cdnow") if e.gradient}
    assert found == {"tr": "mean", "gr": "median", "ziln": "neither"}
    assert observed(Board(row("cdnow", "tr", mae=6.0)), Board(row("cdnow", "tr", mae=6.0)).of("cdnow")[0]) == ""


def test_our_own_rows_say_how_far_the_copula_is_off():
    reach = together.reach_of(board(0.04), "kuairand")
    assert reach.rows == 3 and reach.off == pytest.approx({"mae": 0.04, "rmse": 0.04})
    few = Board(estimating("mean", "tr", 0.6), folder=Folder(marginals={"kuairand": KEPT}))
    assert together.reach_of(few, "kuairand") is None and not list(together.asked(few, PAPER))
    assert together.reach_of(Board(row("kuairand", "tr", mae=20.0)), "kuairand") is None


@pytest.mark.parametrize(
    ("mae", "rmse", "said"),
    [
        ("mean", "mean", "a mean"),
        ("median", "median", "a median"),
        (1.0, 1.0, "between both"),
        (1.3, 1.0, "above both"),
        (1.0, 1.3, "above both"),
        (0.8, 1.0, "below both"),
        (1.0, 0.8, "below both"),
    ],
)
def test_a_printed_row_fits_or_lies_on_one_side(mae, rmse, said):
    """Numbers are shares of the way's middle, between the errors of a mean and of a median."""
    says = COPULA.at(rho_of(0.65))

    def error(name, of):
        ends = {kind: getattr(getattr(says, kind), name) for kind in ("mean", "median")}
        return ends[of] if of in ends else of * sum(ends.values()) / 2

    assert (
        word({"mae": error("mae", mae), "rmse": error("rmse", rmse)}, says, Reach({"mae": 0.01, "rmse": 0.01}, 3))
        == said
    )
    wide = Reach({"mae": 0.5, "rmse": 0.5}, 3)
    assert word({"mae": error("mae", mae), "rmse": error("rmse", rmse)}, says, wide) in ("a mean", "a median")


def test_with_one_error_a_row_lies_between_or_not():
    says, reach = COPULA.at(rho_of(0.65)), Reach({"mae": 0.01, "rmse": 0.01}, 3)
    for value, said in (
        (says.mean.mae, "between both"),
        (2 * says.mean.mae, "above both"),
        (says.median.mae / 2, "below both"),
    ):
        assert word({"mae": value}, says, reach) == said


def test_every_row_of_a_table_is_asked_and_the_worst_is_named():
    """ProWTP's Table 8: XAUC near 0.72 with RMSE of 40 and more, where these labels have a spread of 31."""
    found = section_of.section(board(), PAPER)
    shown = rows(found.parts[0].tables[0])
    assert [r["method"] for r in shown] == [r.name for r in PAPER.table("8").rows]
    tr, says = shown[0], Copula(KEPT.all).at(rho_of(0.7176))
    assert (tr["XAUC"], tr["MAE printed"], tr["RMSE printed"]) == ("0.7176", "28.0945", "42.4085")
    assert tr["MAE of a mean"] == f"{says.mean.mae:.3f}" and tr["RMSE of a median"] == f"{says.median.rmse:.3f}"
    assert tr["MAE / RMSE: printed, of a mean, of a median"].startswith(f"{28.0945 / 42.4085:.3f}, ")
    assert {r["the row is"] for r in shown} == {"above both"}
    assert "Of 3 rows of ours there" in lines(found) and "Table 4, KuaiRand-Pure: 4 above both." in lines(found)
    assert "Our rows have an XAUC of 0.6000 to 0.6200; all 8 of the printed ones lie outside" in lines(found)
    (finding,) = findings.together(board(), PAPER)
    assert finding.text.startswith("**ProWTP's printed errors do not go with its XAUC.**")
    assert (
        "all 8 rows of Table 8" in finding.text and "TR with XAUC 0.7176, MAE 28.0945 and RMSE 42.4085" in finding.text
    )
    assert "; 1 of them is of ProWTP itself;" in finding.text


def test_no_scale_of_the_labels_mends_a_shape():
    """MAE / RMSE is a share that a factor leaves alone; what lies between a mean's and a median's is in shape."""
    reach, copula = Reach({"mae": 0.01, "rmse": 0.01}, 3, shape=0.01), Copula(KEPT.all)
    ratio = {kind: getattr(copula.at(rho_of(0.72)), kind) for kind in ("mean", "median")}
    high, low = (ratio[kind].mae / ratio[kind].rmse for kind in ("mean", "median"))

    def row_of(share: float) -> together.Row:
        errors = {"mae": Printed("", 40.0 * share), "rmse": Printed("", 40.0)}
        return together.Row("", Printed("0.72", 0.72), errors, copula.at(rho_of(0.72)), "")

    given = [row_of(share) for share in (high * 1.02, high * 1.005, (high + low) / 2, low * 0.995, low * 0.98)]
    found = together.misshapen(together.Asked(PAPER.table("8"), "KuaiRand-Pure", reach, given))
    assert found == [given[0], given[4]]
    assert together.reach_of(board(0.3), "kuairand").shape == pytest.approx(0, abs=1e-9), "both errors by one factor"


def test_with_other_labels_the_same_numbers_fit():
    """Labels as far spread as to leave these errors at that order: the sentence turns."""
    scale = 40.45 / Copula(KEPT.all).at(rho_of(0.7290)).mean.rmse
    wide = binned(LABELS * scale)
    kept = Marginal(dataset="kuairand", code="c0de", table="da7a", all=wide, test=KEPT.test)
    here = Board(board(0.3).records, folder=Folder(marginals={"kuairand": kept}))
    (finding,) = findings.together(here, PAPER)
    assert finding.text.startswith("**ProWTP's printed errors can go with its XAUC.**") and ", as " not in finding.text


def test_without_what_is_kept_of_the_labels_nothing_is_asked():
    here = Board(board().records)
    assert section_of.section(here, PAPER) is None and not list(findings.together(here, PAPER))


# --- the file


class Table:
    """What `describe` reads of a table."""

    def __init__(self, label, test):
        self.rows, self.fingerprint, self._test = type("Rows", (), {"label": label}), "da7a", test

    def view(self, split):
        assert split == "test"
        return type("Rows", (), {"label": self._test})


def test_the_file_is_made_for_watch_times_and_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from datasets import cache, registry

    runs = save(tmp_path, record(method="tr"), record(dataset="cdnow", method="tr", facts={"unit": "USD"}))
    monkeypatch.setattr(registry, "get", lambda name, root=None: name)
    monkeypatch.setattr(cache, "cached_fingerprint", lambda dataset, root: "da7a")
    monkeypatch.setattr(cache, "load", lambda dataset, root: Table(LABELS, LABELS[:500]))
    said: list[str] = []
    marginal.KIND.refresh(Store(runs), None, said.append)
    assert said == ["kuairand: how its labels are distributed"] and not (runs / "cdnow" / marginal.KIND.file).exists()
    kept = marginal.KIND.read(runs / "kuairand")
    assert kept is not None and sum(kept.all.rows) == len(LABELS) and sum(kept.test.rows) == 500
    marginal.KIND.refresh(Store(runs), None, said.append)
    assert len(said) == 1, "what is up to date is left alone"
    assert gather(runs).board.folder.marginals == {"kuairand": kept}
    (runs / "kuairand" / marginal.KIND.file).write_text("[]")
    with pytest.raises(UserError, match=r"marginal\.json is not what .* delete it"):
        gather(runs)


def test_too_few_test_rows_have_no_bins():
    with pytest.raises(ValueError, match="needs 40 test rows"):
        marginal.describe("kuairand", Table(LABELS, LABELS[:39]))


def test_the_digest_of_the_pages_counts_it(tmp_path: Path):
    from reports.model.folder import digest

    runs = save(tmp_path, record(method="tr"))
    before = digest(runs)
    marginal.KIND.write(runs / "kuairand", replace_code(KEPT))
    assert digest(runs) != before and marginal.KIND.read(runs / "kuairand") == replace_code(KEPT)


def replace_code(kept: Marginal) -> Marginal:
    import msgspec

    return msgspec.structs.replace(kept, code="0ther")
