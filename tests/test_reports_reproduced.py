"""Reproduced or not: a verdict on each number of the papers, and on the order of their rows."""

import math
import re

import msgspec
import numpy as np
import pytest
from scipy.stats import kendalltau, t

from benchmark.compare.ceiling import Ceiling, Parts, Point
from benchmark.compare.marginal import binned
from reports.evidence.printed import order, verdict
from reports.evidence.printed.order import RowOrder
from reports.evidence.stats import kendall_interval
from reports.model.board import Board
from reports.model.folder import Folder
from reports.model.papers import papers
from reports.sections.findings import printed as findings
from reports.sections.front import unsaid
from reports.sections.paper import reproduced as counted
from tests import fake_noise
from tests.fake_noise import RECORDS, board
from tests.fake_records import FACTS, record, seeds
from tests.label_world import KEPT, LABELS, estimating
from tests.pages import rows

PAPERS = papers()
PRINTED = PAPERS["ProWTP"].table("8")
ROWS = 1_231_181  # the paper's


def sized(records, rows=ROWS):
    """The records on so many rows."""
    facts = FACTS["kuairand"] | {"rows": rows}
    return [record(r.dataset, r.method, r.variant, r.seed, metrics=r.metrics, facts=facts) for r in records]


def judged(records, method, metric, *, errors=None, folder=None):
    noise = {"kuairand": fake_noise.resampled(records, **errors)} if errors else None
    here = Board(records, noise=noise, folder=folder)
    row = next(r for r in PRINTED.rows if r.method == method)
    return verdict.verdict(here, PAPERS["ProWTP"], PRINTED, row, "KuaiRand-Pure", metric)


def test_on_the_papers_rows_the_noise_decides():
    """ProWTP prints MAE 24.5810 for TPM; our error is doubled in its square for the paper's own test set."""
    errors = {"users": 0.2, "seeds": 0.0}
    reach = 1.96 * math.sqrt(2) * 0.2
    for mae, word in ((24.581 + reach - 0.01, "within noise"), (24.581 + reach + 0.01, "worse"), (20.0, "better")):
        found = judged(sized(seeds(method="tpm", mae=mae, noise=0) + seeds(method="tr")), "tpm", "mae", errors=errors)
        assert (found.word, found.why) == (word, ()), mae
    higher = sized(seeds(method="tpm", mae=20.0, noise=0) + seeds(method="tr"))
    assert judged(higher, "tpm", "xauc", errors=errors).word == "worse"  # 0.71 against 0.7203


@pytest.mark.parametrize("rows", [199_104, 3_000_000])
def test_another_sample_agrees_where_our_interval_covers_the_number(rows):
    errors = {"users": 0.2, "seeds": 0.0}
    reach = t.ppf(0.975, 1e9) * 0.2
    for gap, word in ((reach - 0.01, "agrees on another sample"), (reach + 0.02, None), (-reach - 0.02, None)):
        of = sized(seeds(method="tpm", mae=24.581 + gap, noise=0) + seeds(method="tr"), rows)
        found = judged(of, "tpm", "mae", errors=errors)
        if word is None:  # ours is worse: the larger of both samples should have the better number
            word = "size could explain it" if (gap > 0) == (rows < ROWS) else "beyond what size explains"
        assert (found.word, found.why) == (word, ("other rows",)), gap


def ceiling(endless, here=0.6):
    parts = Parts(user=0.2, item=0.1, shared=0.0, residual=0.7)
    found = Ceiling(
        dataset="kuairand", code="c0de", table="da7a", rows=100, users=10, items=10, parts=parts, errors=None,
        by_user=[Point(rows=None, xauc=endless)], by_share=[Point(rows=100.0, xauc=here)],
    )  # fmt: skip
    return Folder(ceilings={"kuairand": found}, marginals={"kuairand": KEPT})


def test_no_size_explains_what_endless_rows_would_not_give():
    """ProWTP prints XAUC 0.7203 for TPM; ours is near 0.71, where 0.70 was predicted for our rows."""
    fewer, errors = sized(seeds(method="tpm", noise=0) + seeds(method="tr"), 200_000), {"users": 0.001, "seeds": 0.0}
    for endless, word in ((0.73, "size could explain it"), (0.705, "beyond what size explains")):
        assert judged(fewer, "tpm", "xauc", errors=errors, folder=ceiling(endless, here=0.71)).word == word
    above = ceiling(0.705, here=0.69)  # our best row has 0.02 more than was predicted: so may the paper's
    assert judged(fewer, "tpm", "xauc", errors=errors, folder=above).word == "size could explain it"


def test_an_error_has_a_limit_too():
    """Of labels spread by 31, MAE 24.58 is more than a median of the best order would have; of labels half as wide it
    is not, and of labels four times as wide it is less."""
    errors = {"users": 0.2, "seeds": 0.0}
    of = [*estimating("mean", "tr", 0.6), *estimating("median", "d2q", 0.62), *estimating("mean", "wlr", 0.6)]
    records = sized([*seeds(method="tpm", mae=40.0, noise=0), *of], 200_000)
    wide = msgspec.structs.replace(KEPT, all=binned(4 * LABELS))
    for kept, word in ((KEPT, "size could explain it"), (wide, "beyond what size explains")):
        folder = Folder(ceilings=ceiling(0.65).ceilings, marginals={"kuairand": kept})
        assert judged(records, "tpm", "mae", errors=errors, folder=folder).word == word


def test_variance_components_of_other_rows_say_nothing():
    moved = msgspec.structs.replace(ceiling(0.705).ceilings["kuairand"], table="m0ved")
    fewer, errors = sized(seeds(method="tpm", noise=0) + seeds(method="tr"), 200_000), {"users": 0.001, "seeds": 0.0}
    folder = Folder(ceilings={"kuairand": moved})
    assert judged(fewer, "tpm", "xauc", errors=errors, folder=folder).word == "size could explain it"


def test_a_ranking_is_better_where_it_is_higher():
    errors = {"users": 0.001, "seeds": 0.0}
    fewer = sized(seeds(method="tpm", noise=0) + seeds(method="tr"), 200_000)  # XAUC 0.71 against 0.7203
    assert judged(fewer, "tpm", "xauc", errors=errors).word == "size could explain it"
    more = sized(seeds(method="tpm", noise=0) + seeds(method="tr"), 2_000_000)
    assert judged(more, "tpm", "xauc", errors=errors).word == "beyond what size explains"


def test_without_resampling_the_seeds_decide_and_one_seed_cannot():
    spread_ = sized(seeds(method="tpm", mae=24.4, noise=0.3))
    assert judged(spread_, "tpm", "mae").word == "within noise"
    assert judged(sized(seeds(method="tpm", mae=24.4, noise=0.001)), "tpm", "mae").word == "better"
    one = judged(sized([record(method="tpm", mae=24.4)]), "tpm", "mae")
    assert (one.word, one.why) == ("not comparable", ("one seed",))
    assert judged(RECORDS, "dvr", "mae") is None


def test_copied_rows_are_named_and_what_the_released_code_does():
    found = [*seeds(dataset="kuairec", method="tr"), *seeds(dataset="kuairec", method="d2q", mae=5.4, noise=0.1)]
    here, printed = Board(found), PAPERS["GR"].table("2")
    words = {
        r.method: verdict.row_verdicts(here, PAPERS["GR"], printed, r, "KuaiRec (watch time)") for r in printed.rows
    }
    assert words["tr"] == "not comparable (other rows, copied row)"
    assert words["d2q"] == "agrees on another sample: MAE; beyond what size explains: XAUC"  # 0.565, ours near 0.71
    assert words["gr"] == "–"
    lines = verdict.below(here, PAPERS["GR"], printed, "KuaiRec (watch time)")
    assert lines[0] == "Another sample: our data have 115,561 rows, the paper's 12,530,806."
    assert lines[1].startswith("Compared as the paper's text has it") and "scaled per video" in lines[1]
    assert "Not comparable: other papers print the same numbers for VR, WLR, TPM and CREAD." in lines


def test_a_row_counts_its_verdicts():
    found = sized(seeds(method="tpm", mae=20.0, rmse=60.0, noise=0.01))
    row = next(r for r in PRINTED.rows if r.method == "tpm")
    text = verdict.row_verdicts(Board(found), PAPERS["ProWTP"], PRINTED, row, "KuaiRand-Pure")
    assert text == "worse: RMSE, XAUC, XGAUC; better: MAE"
    (line,) = [r for r in rows(counted.table(Board(found), PAPERS["ProWTP"])) if r["table"] == "Table 8"]
    assert (line["numbers"], line["better"], line["worse"], line["not comparable"]) == ("4", "1", "3", "0")


def test_the_front_page_counts_each_printed_number_once():
    """TPM stands in Tables 1 and 8, which print the same, and in Table 7's slices of RMSE and MAE."""
    on_theirs = Board(sized(seeds(method="tpm", mae=24.58, rmse=40.82, noise=0.05)))
    (finding,) = findings.numbers(on_theirs)
    numbers = verdict.every(on_theirs)
    slices = len([r for r in PAPERS["ProWTP"].table("7").rows if r.method == "tpm"])
    assert len(numbers) == 4 + 2 * slices
    assert f"Of {len(numbers)} numbers with one of ours" in finding.text
    assert "Of the printed numbers that can be judged on the papers' own rows" in finding.text
    elsewhere = Board(sized(seeds(method="tpm", mae=24.58, rmse=40.82, noise=0.05), 200_000))
    (finding,) = findings.numbers(elsewhere)
    assert finding.text.startswith("**No printed number can be judged on the papers' own rows; 2 of ")
    assert any("other rows" in line for line in unsaid.unsaid(elsewhere))
    assert not any("papers' own rows" in line for line in unsaid.unsaid(on_theirs))


def test_the_order_of_the_rows_is_compared_with_its_interval():
    ours = {"tr": 21.0, "d2q": 20.0, "tpm": 20.02}
    theirs = {r.method: PRINTED.printed(r, "KuaiRand-Pure")["mae"].value for r in PRINTED.rows if r.method in ours}
    tau = kendalltau([theirs[m] for m in ours], list(ours.values())).statistic
    text = order.order(board(), PAPERS["ProWTP"], PRINTED, "KuaiRand-Pure", "mae")
    assert re.fullmatch(rf"{tau:.2f} \[-?\d\.\d\d, 1\.00\]", text)  # TPM and D2Q may change places
    assert order.order(board(), PAPERS["ProWTP"], PAPERS["ProWTP"].table("7"), "KuaiRand-Pure", "mae") == ""
    seeds_alone = order.order(Board(RECORDS), PAPERS["ProWTP"], PRINTED, "KuaiRand-Pure", "mae")
    assert seeds_alone.startswith(f"{tau:.2f} ")


@pytest.mark.parametrize(
    ("mae", "word"),
    [
        ({"tr": 28.0, "d2q": 27.8, "tpm": 24.6}, "agrees"),  # as the paper has them, far apart
        ({"tr": 24.6, "d2q": 27.8, "tpm": 28.0}, "differs"),
        ({"tr": 24.601, "d2q": 24.6, "tpm": 24.6}, "open"),  # noise could order them in any way
    ],
)
def test_other_records_other_verdict_on_the_order(mae, word):
    found = [r for method, value in mae.items() for r in seeds(method=method, mae=value, noise=0.02)]
    assert order.order_of(Board(found), PAPERS["ProWTP"], PRINTED, "KuaiRand-Pure", "mae").word == word


def test_an_order_is_denied_by_a_reversed_pair_alone():
    """Of noise about one value for all no draw has the very order of eight rows, and nothing is known of it."""
    assert kendall_interval(range(8), [1.0] * 8, np.eye(8))[1] < 0.7
    assert RowOrder(0.0, -0.5, 0.6, reversed=0).word == "open" and RowOrder(0.3, 0.1, 0.6, reversed=0).word == "agrees"
    assert RowOrder(0.3, 0.1, 0.6, reversed=2).word == "agrees in part"
    assert RowOrder(0.0, -0.5, 0.6, reversed=1).word == "differs"


def test_copied_rows_have_no_place_in_an_order():
    table = PAPERS["GR"].table("2")
    copied, own = table.columns[:2]
    found = [
        r for name in ("kuairec", "kuairec@ratio") for k, row in enumerate(table.rows)
        for r in seeds(dataset=name, method=row.method, mae=9.0 - k, noise=0.01)
    ]  # fmt: skip
    assert [sum(column in r.copied for r in table.rows) for column in (copied, own)] == [4, 0]
    assert order.order(Board(found), PAPERS["GR"], table, copied, "mae") == "", "two rows are no order"
    assert order.order(Board(found), PAPERS["GR"], table, own, "mae")


@pytest.mark.parametrize("known", [True, False])
def test_a_verdict_does_not_hang_on_whether_the_row_was_resampled(known):
    """A row without draws of its own is lent the users' error of the others."""
    errors = {"users": 0.2, "seeds": 0.0}
    tpm = sized(seeds(method="tpm", mae=24.581 + 0.35, noise=0), 199_104)
    others = sized([*seeds(method="tr"), *seeds(method="d2q")], 199_104)
    noise = fake_noise.resampled([*others, *(tpm if known else [])], **errors)
    row = next(r for r in PRINTED.rows if r.method == "tpm")
    here = Board([*tpm, *others], noise={"kuairand": noise})
    found = verdict.verdict(here, PAPERS["ProWTP"], PRINTED, row, "KuaiRand-Pure", "mae")
    assert found.word == "agrees on another sample"
    alone = verdict.verdict(Board([*tpm, *others]), PAPERS["ProWTP"], PRINTED, row, "KuaiRand-Pure", "mae")
    assert alone.word != "agrees on another sample", "where nothing was resampled, seeds are all there is"


def test_an_order_with_a_row_that_was_not_resampled_shares_its_users():
    """Lent alike: the covariance of any two is the variance over users less half of a difference's."""
    others = [*seeds(method="tr"), *seeds(method="d2q")]
    noise = fake_noise.resampled(others, users=0.2, seeds=0.0, pairs=0.1)
    here = Board([*others, *seeds(method="tpm", noise=0)], noise={"kuairand": noise})
    rows_ = {here.results["kuairand", m, "default"]: 0.0 for m in ("tr", "d2q", "tpm")}
    found = np.array(order._covariance(here, "kuairand", rows_, "mae"))
    assert found[0, 1] == found[0, 2] == pytest.approx(0.2**2 - 0.1**2 / 2) and found[2, 2] == pytest.approx(0.2**2)
    np.testing.assert_array_less(-1e-12, np.linalg.eigvalsh(found))
