"""The papers' numbers, checked by hand against the papers."""

import pytest

from reports.model.aside import aside
from reports.model.papers import papers
from reports.sections.paper.comparison import disagreement

PAPERS = papers()


def printed(paper: str, table: str, row: str, column: str) -> dict[str, str]:
    found = PAPERS[paper].table(table)
    return {m: p.text for m, p in found.printed(next(r for r in found.rows if r.name == row), column).items()}


def test_a_leaderboard_leaves_ablations_and_sweeps_to_their_tables_and_keeps_readings():
    assert {("prowtp", "no_assign"), ("prowtp", "k8"), ("gr", "window60"), ("tpm", "large"), ("tr", "dim8")} <= aside()
    kept = {("gr", "default"), ("gr", "paper"), ("gr", "code"), ("boosting", "absolute"), ("ziln", "paper")}
    assert not kept & aside()


@pytest.mark.parametrize(
    ("paper", "table", "row", "column", "expected"),
    [
        ("ProWTP", "1", "TR", "KuaiRand-Pure", "42.41 28.09 0.7174 0.6905"),
        ("ProWTP", "1", "ProWTP", "WeChat", "28.47 19.84 0.6180 0.5727"),
        ("ProWTP", "2", "ProWTP w/o L_assign", "KuaiRand-Pure", "41.35 25.01 0.7205 0.6998"),
        ("ProWTP", "3", "Kmeans", "WeChat", "29.07 20.28 0.6132 0.5683"),
        ("ProWTP", "4", "UOT", "KuaiRand-Pure", "41.20 24.93 0.7225 0.7000"),
        ("ProWTP", "5", "ProWTP, sample ratio 50%", "WeChat", "0.092 28.05 0.004"),
        ("ProWTP", "6", "KuaiRand-Pure", "", "27,285 7,551 1,231,181 5"),
        ("ProWTP", "7", "3", "KuaiRand-Pure", "43.62 32.03 0.6786 0.6167"),
        ("ProWTP", "8", "CWM", "KuaiRand-Pure", "40.7508±0.0017 24.5410±0.0014 0.7209±0.0007 0.7026±0.0004"),
        ("ProWTP", "8", "OR", "Short-video", "29.1822±0.0015 11.0716±0.0014 0.5705±0.0006 0.5609±0.0007"),
        ("ProWTP", "9", "L2 distance", "WeChat", "29.37 20.35 0.6129 0.5683"),
        ("ProWTP", "10", "day 12", "AB test", "0.132% 0.146%"),
        ("GR", "2", "TPM", "KuaiRec (watch time)", "3.456 0.571 13.294%"),
        ("GR", "2", "GR", "CIKM16", "0.815 0.691 7.80%"),
        ("GR", "2", "CREAD", "Indust", "39.979 0.597"),
        ("GR", "2", "WLR", "Indust", ""),
        ("GR", "4", "Binary", "CIKM16", "0.821 0.687"),
        ("GR", "5", "CL w/o EM", "KuaiRec (watch time)", "3.359 0.588"),
        ("GR", "6", "MDME", "Criteo-SSC", "16.598 0.2269"),
        ("GR", "7", "CREAD-large", "CIKM16", "0.857 0.680"),
        ("GR", "8", "alpha = 0.98, q_end = 0.85", "KuaiRec (watch time)", "3.227 0.589"),
    ],
)
def test_numbers_stand_as_printed(paper, table, row, column, expected):
    assert " ".join(printed(paper, table, row, column).values()) == expected


def test_every_cell_of_every_table_can_be_read():
    for paper in PAPERS.values():
        for table in paper.tables:
            for row in table.rows:
                assert len(row.values) == len(table.columns), (paper.key, table.number, row.name)
                for column in table.columns:
                    table.printed(row, column)


def test_all_tables_are_there():
    assert [t.number for t in PAPERS["ProWTP"].tables] == [str(n) for n in range(1, 11)]
    assert [t.number for t in PAPERS["GR"].tables] == [str(n) for n in range(2, 9)]


def test_every_dataset_is_ours_or_says_why_not():
    for paper in PAPERS.values():
        assert all(source.reason for source in paper.datasets)
        assert {s.name for s in paper.datasets if not s.ours} == {"ProWTP": {"Short-video"}, "GR": {"Indust"}}[
            paper.key
        ]


def test_a_number_knows_its_decimals_and_its_spread():
    table = PAPERS["ProWTP"].table("8")
    number = table.printed(table.rows[0], "WeChat")["rmse"]
    assert (number.value, number.std, number.digits) == (30.3871, 0.0014, 4)
    table = PAPERS["GR"].table("2")
    assert table.printed(table.rows[1], "CIKM16")["improvement"].value == 4.836


def test_improvements_of_xauc_are_relative_to_value_regression():
    table = PAPERS["GR"].table("2")
    for column in ("KuaiRec (watch time)", "KuaiRec (watch ratio)", "CIKM16"):
        base = table.printed(table.rows[0], column)["xauc"].value
        for row in table.rows[1:]:
            numbers = table.printed(row, column)
            assert numbers["improvement"].value == pytest.approx(100 * (numbers["xauc"].value / base - 1), abs=0.01)


def test_shared_cells_of_the_ablations_agree_with_table_1():
    main = printed("ProWTP", "1", "ProWTP", "KuaiRand-Pure")
    for table, row in (("2", "ProWTP"), ("3", "HVQ-VAE"), ("4", "SUOT"), ("9", "SUOT")):
        assert printed("ProWTP", table, row, "KuaiRand-Pure") == main


def test_the_two_versions_of_prowtps_main_table_are_told_apart():
    said = disagreement(PAPERS["ProWTP"], "1", "8")
    assert "of 48 " in said and "24.33 " in said and "24.4312±0.0011" in said


def test_an_unknown_column_is_named():
    table = PAPERS["GR"].table("6")
    with pytest.raises(KeyError, match="Criteo-SSC, Kaggle"):
        table.printed(table.rows[0], "CDNOW")
