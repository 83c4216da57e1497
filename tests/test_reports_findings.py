"""The findings of the front page: other records, other sentences. Nothing in them is typed by hand."""

from typing import Any

import pytest

from benchmark.records.record import Curve, Record
from reports.evidence import duels, estimand
from reports.model.board import Board
from reports.model.front import Front
from reports.sections.findings.finding import Finding
from reports.sections.front.findings import findings, section
from tests import front_world
from tests.fake_records import record
from tests.front_world import row

PLAIN = Front(plain={"rmse": ["tr"], "mae": ["tr/absolute"]}, official=[])
CHOSEN: dict[str, Any] = {"split": "random", "epochs": 20, "patience": 5, "stop": "mae"}


@pytest.fixture(autouse=True)
def told(monkeypatch):
    """Two plain networks, of which one has no records yet."""
    monkeypatch.setattr(duels, "front", lambda: PLAIN)


def said(*rows: list[Record], **how: Any) -> dict[str, Finding]:
    return {found.key: found for found in findings(front_world.board(*rows, **how))}


def text(key: str, *rows: list[Record], **how: Any) -> str:
    return said(*rows, **how)[key].text


def test_without_records_there_is_no_finding():
    assert list(findings(Board([]))) == [] and section(Board([])) is None


def test_findings_of_one_theme_stand_in_one_point():
    rows = (row("kuairand", "tr", mae=20.0), row("kuairand", "d2q", mae=19.0), row("kuairand", "boosting", mae=18.0))
    here = front_world.board(*rows, row("kuairand", "median", mae=22.0))
    lines, found = section(here).parts[0].lines, {one.key: one.text for one in findings(here)}
    (simple,) = [line for line in lines if found["constants"] in line]
    assert simple == " ".join(found[key] for key in ("constants", "trees", "plain"))
    assert " ".join(lines) == " ".join(found.values()) and len(lines) < len(found)


def test_every_finding_names_its_evidence():
    found = said(row("kuairand", "tr", mae=20.0), row("kuairand", "d2q", mae=19.0), row("kuairand", "median", mae=22.0))
    assert found and all("](@" in finding.text and finding.text.startswith("**") for finding in found.values())


# --- who is best


def test_two_winners_that_beat_each_other_are_no_one_winner():
    one, two = row("kuairand", "d2q", mae=20.0, rmse=43.0), row("kuairand", "tr", mae=23.0, rmse=40.0)
    found = text("winners", one, two)
    assert "There is no one winner" in found and "On 1 of 1 boards" in found and "on none of 1 one row" in found
    assert "by MAE D2Q (1 of 1); by RMSE TR / VR (1 of 1); by ranking D2Q" in found  # of equal ones the first by name
    found = text("winners", row("kuairand", "d2q", mae=20.0, rmse=39.0), two)
    assert "One row is the best by both" in found and "On none of 1 boards" in found and "on 1 of 1 one row" in found
    assert "On none of 1" in text("winners", one, two, pairs=5.0)  # noise does not tell them apart


def test_without_resampling_nobody_is_called_best():
    assert "winners" not in said(row("kuairand", "tr", mae=20.0), without=("kuairand",))


# --- simple rivals


@pytest.mark.parametrize(
    ("mae", "pairs", "head", "told"),
    [
        (20.0, 0.01, "Most networks beat", "by MAE 1 of 1 better, on 1 of 1 boards, 0 worse, 0 open; by RMSE 1 of 1 b"),
        (23.0, 0.01, "Fewer than half of the networks beat", "by MAE none of 1 better, 1 worse, 0 open; by RMSE 1 of"),
        (20.0, 9.0, "No network beats", "by MAE none of 1 better, 0 worse, 1 open; by RMSE none of 1 better, 0 worse"),
    ],
)
def test_networks_against_the_best_constant(mae, pairs, head, told):
    constants = (row("kuairand", "median", mae=22.0, rmse=45.0), row("kuairand", "mean", mae=26.0, rmse=42.0))
    found = text("constants", row("kuairand", "tr", mae=mae, rmse=40.0), *constants, pairs=pairs)
    assert head in found and told in found


def test_networks_against_the_better_trees():
    net, trees = row("kuairand", "d2q", mae=20.0, rmse=40.0), row("kuairand", "boosting", mae=21.0, rmse=39.0)
    assert "by MAE 1 of 1 better, on 1 of 1 boards, 0 worse, 0 open; by RMSE none of 1" in text("trees", net, trees)
    better = row("kuairand", "boosting", "absolute", mae=19.0, rmse=42.0)
    assert "No network beats boosted trees" in text("trees", net, trees, better)


def test_boards_are_counted_and_made_up_ones_are_not():
    rows = [row("kuairand", "tr", mae=20.0), row("kuairand", "median", mae=22.0)]
    rows += [row("kuairec", "tr", mae=25.0), row("kuairec", "median", mae=22.0)]
    made_up = {"facts": {"files": [], "rows": 9}}
    rows += [row("aaa", "tr", mae=20.0, **made_up), row("aaa", "median", mae=22.0, **made_up)]
    assert "by MAE 1 of 2 better, on 1 of 2 boards, 1 worse" in text("constants", *rows)


def test_an_error_does_not_count_rows_that_estimate_what_another_has_least_of(monkeypatch):
    kinds = {"tr": "mean", "d2q": "median", "gr": "neither"}
    monkeypatch.setattr(duels, "estimates", lambda board, result: kinds.get(result.method, ""))
    rows = [row("kuairand", name, mae=20.0, rmse=40.0) for name in kinds]
    found = text("constants", *rows, row("kuairand", "median", mae=22.0, rmse=45.0))
    assert "by MAE all 2 better" in found and "by RMSE all 2 better" in found


def test_a_plain_network_by_the_metric_whose_loss_it_has():
    plain, other = row("kuairand", "tr", mae=22.0, rmse=40.0), row("kuairand", "d2q", mae=20.0, rmse=43.0)
    found = text("plain", plain, other)
    assert "No network beats" in found and "by RMSE, against TR / VR, none of 1 better, 1 worse" in found
    assert "For MAE there is no such row yet" in found
    absolute = row("kuairand", "tr", "absolute", mae=20.5, rmse=42.0)
    found = text("plain", plain, other, absolute)
    assert "Fewer than half" in found and "by MAE, against TR / VR (absolute), 1 of 2 better, on 1 of 1" in found
    assert "no such row" not in found
    assert "No network beats" in text("plain", plain, other, absolute, pairs=5.0)
    assert "plain" not in said(other)


def test_an_epoch_that_another_error_chose_is_said():
    how = {"protocol": {"stop": "mae"}}
    rows = row("kuairand", "tr", mae=22.0, **how), row("kuairand", "d2q", mae=20.0, **how)
    assert "against TR / VR (its epoch chosen by another error on 1 of 1 boards), none of 1" in text("plain", *rows)


# --- the papers' methods


@pytest.mark.parametrize(
    ("mae", "rmse", "answer"),
    [(20.0, 39.0, " beats itself"), (20.0, 44.0, "beats only in part"), (22.0, 44.0, "does not beat")],
)
def test_prowtp_against_itself_without_it(mae, rmse, answer):
    bare = row("kuairand", "prowtp", "without", mae=21.0, rmse=40.0, xauc=0.6)
    found = text("without-ProWTP", row("kuairand", "prowtp", mae=mae, rmse=rmse, xauc=0.62 if mae < 21 else 0.6), bare)
    assert answer in found and f"MAE {mae - 21:+.3f} [" in found and "by Holm over these 3" in found


def test_what_noise_hides_is_not_told_apart():
    rows = (row("kuairand", "prowtp", mae=20.0), row("kuairand", "prowtp", "without", mae=21.0))
    found = text("without-ProWTP", *rows, pairs=3.0)
    assert "MAE -1.000 [-6.8" in found and found.count("not told apart") == 3 and "does not beat" in found
    assert "without-ProWTP" not in said(rows[0]) and "without-GR" not in said(*rows)


def test_what_a_papers_ablation_leaves_out_is_named():
    found = text("without-GR", row("kuairand", "gr", mae=20.0), row("kuairand", "gr", "no-clem", mae=21.0))
    assert found.startswith("**GR beats only in part itself without curriculum and embedding mixup.**")


def test_rivals_are_counted_and_a_clean_sweep_is_named():
    rivals = (row("kuairand", "tr", mae=22.0), row("kuairand", "d2q", mae=20.5), row("kuairand", "median", mae=23.0))
    found = text("rivals-GR", row("kuairand", "gr", mae=20.0), *rivals)
    assert "GR beats all rivals of its paper by MAE on kuairand" in found and "by MAE 3 won, 0 lost, 0 open" in found
    assert (
        "Against 3 rivals that it has or leaves out, among them a constant (median)," in found
        and "by RMSE 0 won, 0 lost, 3 open" in found
    )
    assert "ahead of it" not in found
    led = text("rivals-GR", row("kuairand", "gr", mae=20.0), *rivals, row("kuairand", "egmn", mae=19.0))
    assert "no rival of its paper, and ahead of it by MAE on kuairand, is egmn" in led
    found = text("rivals-GR", row("kuairand", "gr", mae=21.0), *rivals)
    assert "nowhere beats all" in found and "by MAE 2 won, 1 lost, 0 open" in found
    assert "by MAE 0 won, 0 lost, 3 open" in text("rivals-GR", row("kuairand", "gr", mae=21.0), *rivals, pairs=9.0)
    assert "rivals-GR" not in said(*rivals) and "rivals-GR" not in said(row("kuairand", "gr", mae=21.0))


def test_where_a_rivals_default_was_not_chosen_and_what_was_not_resampled_is_said():
    """GR's default was chosen by the validation rows of kuairec, not by those of kuairand."""
    for dataset, chosen in (("kuairec", True), ("kuairand", False)):
        rows = (row(dataset, "gr", mae=20.0), row(dataset, "tr", mae=22.0))
        found = text("rivals-GR", *rows)
        assert ("its default was chosen by the validation rows of kuairec, its rivals' were not" in found) == chosen
        assert "by the spread of seeds alone" not in found
        apart = [[*row(dataset, "gr", mae=20.0)], [*row(dataset, "tr", mae=22.0)]]
        for one in apart[0]:
            one.metrics["test"]["mae"] += 0.01 * one.seed
        alone = text("rivals-GR", *apart, without=(dataset,))
        assert f"some by the spread of seeds alone, for want of resampling, on {dataset}" in alone


def test_what_is_lost_to_another_estimand_is_told_apart(monkeypatch):
    kinds = {"prowtp": "mean", "tr": "mean", "d2q": "median"}
    monkeypatch.setattr(estimand, "estimates", lambda board, result: kinds.get(result.method, ""))
    better = (row("kuairand", "tr", mae=20.0), row("kuairand", "d2q", mae=19.0))
    found = text("rivals-ProWTP", row("kuairand", "prowtp", mae=21.0), *better)
    assert "by MAE 0 won, 2 lost (1 of them to rows that estimate something else), 0 open" in found


def test_the_rivals_of_all_the_papers_studies_count_together():
    """GR has rivals of watch time and of lifetime value; CDNOW has some of both."""
    rows = (row("cdnow", "gr", mae=5.0), row("cdnow", "tr", mae=6.0), row("cdnow", "ziln", mae=7.0))
    found = text("rivals-GR", *rows, row("cdnow", "median", mae=4.0))
    assert "Against 3 rivals" in found and "nowhere" in found and "by MAE 2 won, 1 lost" in found


def test_the_papers_order_holds_or_not():
    """GR's Table 2, watch ratio: MAE falls from VR to WLR, D2Q, TPM; CREAD and GR as printed."""
    printed = {"tr": 0.385, "wlr": 0.375, "d2q": 0.371, "tpm": 0.361, "cread": 0.369, "gr": 0.333}
    ranks = {"tr": 0.691, "wlr": 0.698, "d2q": 0.712, "tpm": 0.734, "cread": 0.738, "gr": 0.753}
    same = [row("kuairec@ratio", m, mae=mae, xauc=ranks[m]) for m, mae in printed.items()]
    found = text("orders", *same, pairs=1e-5)
    assert "orders of methods hold here" in found and "MAE 1.00 [1.00, 1.00]" in found
    assert "Of 2 orders 2 agree." in found
    turned = [row("kuairec@ratio", m, mae=1 - mae, xauc=1 - ranks[m]) for m, mae in printed.items()]
    found = text("orders", *turned, pairs=1e-5)
    assert "do not hold" in found and "MAE -1.00" in found and "Of 2 orders 2 differ." in found
    mixed = [row("kuairec@ratio", m, mae=mae, xauc=1 - ranks[m]) for m, mae in printed.items()]
    assert "hold in part" in text("orders", *mixed, pairs=1e-5)
    assert "orders" not in said(*same[:2])


# --- what is no method


def estimating(share: dict[str, float], mae: dict[str, float]) -> list[list[Record]]:
    return [row("kuairand", m, mae=mae[m], ratio=ratio, rmse=40 - ratio) for m, ratio in share.items()]


def test_the_order_by_mae_follows_what_rows_predict_or_does_not():
    names = ["d2q", "tpm", "tr", "wlr", "cread", "gr", "prowtp", "dvr", "cwm"]
    share = {name: 0.3 + 0.1 * place for place, name in enumerate(names)}
    found = text("estimand", *estimating(share, {n: 20 + s for n, s in share.items()}))
    assert "MAE follows how much a method predicts" in found and "on 1 of 1 boards (kuairand 1.00" in found
    assert "best by MAE predicts 30 % of the actual total, the best by RMSE 110 % (" in found
    upside = text("estimand", *estimating(share, {n: 20 - s for n, s in share.items()}))
    assert "on none of 1 boards (kuairand -1.00" in upside and "does not mostly follow" in upside
    assert "estimand" not in said(*estimating({n: share[n] for n in names[:7]}, share))


def test_choices_of_protocol_beside_the_methods():
    base = (row("kuairec", "tr", mae=3.5), row("kuairec", "d2q", mae=3.4))
    found = text("tweaks", *base, row("kuairec@batch256", "tr", mae=3.9), row("kuairec@batch256", "d2q", mae=3.41))
    assert "can move numbers more than methods do" in found and "2 methods lie 0.100 s apart" in found
    assert (
        "Of 2 changes" in found
        and "2 move it" in found
        and "1 by more than that; the most by 0.400 s (TR / VR" in found
    )
    assert "another method leads" not in found and "same label" not in found
    capped = row("kuairec@cap60", "tr", mae=2.0, facts={"unit": "s", "label": {"max": 60.0}})
    both = text("tweaks", *base, capped, row("kuairec@batch256", "tr", mae=3.9))
    assert "the most by 1.500 s (TR / VR: label capped at 60 s), of those with the same label 0.400 s (TR" in both
    found = text("tweaks", *base, row("kuairec@batch256", "tr", mae=3.39), row("kuairec@batch256", "d2q", mae=3.45))
    assert "another method leads with: batches of 256 rows, not 1,024" in found
    found = text("tweaks", *base, row("kuairec@batch256", "tr", mae=3.52))
    assert "No choice of protocol moves" in found and "1 move it" in found and "0 by more than that" in found
    assert "tweaks" not in said(*base)


def trained(method: str, epoch: int, *, ratio: float = 0.9, **protocol: Any) -> list[Record]:
    found = row("kuairand", method, mae=20.0, ratio=ratio, protocol=CHOSEN | protocol)
    curve = Curve([22.0] * 20, [1.0] * 20, epoch, False)
    return [
        record(r.dataset, r.method, seed=r.seed, metrics=r.metrics, protocol=r.protocol, curve=curve) for r in found
    ]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([trained("tr", 9)], "0 of 1 rows of networks are unwell**. For at least half of the seeds"),
        ([trained("tr", 1)], "the first or second in 1 of 1, the last one allowed in none of 1;"),
        ([trained("tr", 20)], "the first or second in none of 1, the last one allowed in 1 of 1;"),
        (
            [trained("tr", 20, stop="last")],
            "the last one allowed in none of 1; when a schedule of a method's own ended no",
        ),
        ([trained("tr", 9, ratio=0.3)], "1 of 1 rows of networks are unwell** (off 1)"),
        ([trained("tr", 9, ratio=0.3), trained("d2q", 9)], "1 of 2 rows of networks are unwell** (off 1)"),
    ],
)
def test_rows_that_are_unwell(rows, told):
    assert told in text("unwell", *rows, row("kuairand", "median", mae=22.0))


def test_a_sign_in_most_seeds_counts_and_in_few_does_not():
    late, soon = trained("tr", 9), trained("tr", 1)
    assert "first or second in none of 1," in text("unwell", [*late[:3], *soon[3:]])
    assert "first or second in 1 of 1," in text("unwell", [*late[:2], *soon[2:]])
