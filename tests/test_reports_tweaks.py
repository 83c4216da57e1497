"""One change of protocol at a time, beside the gaps between methods."""

import pytest

from datasets import registry
from reports.model.board import Board
from reports.model.methods import bases, tweaks
from reports.sections.tweaks import section
from tests.fake_records import record
from tests.pages import rows

BASE = tweaks().base


def board(**changed: float) -> Board:
    """Two methods 0.2 s apart on the base, and under one change."""
    found = [record(BASE, m, seed=s, mae=mae, noise=1e-5) for m, mae in (("tr", 3.4), ("d2q", 3.2)) for s in range(2)]
    found += [
        record("kuairec@batch256", m, seed=s, mae=mae, noise=1e-5) for m, mae in changed.items() for s in range(2)
    ]
    return Board(found)


def test_every_tweak_is_a_dataset_that_is_shown_beside_its_base() -> None:
    others = {tweak.dataset for tweak in tweaks().tweaks if tweak.dataset}
    assert others <= set(bases()) <= set(registry.names()) and {bases()[other] for other in others} == {BASE}
    assert BASE in registry.names()


def test_moves_stand_beside_the_gap_between_methods() -> None:
    found = section(board(tr=3.9, d2q=3.25))
    assert found is not None
    block = found.parts[0]
    first, second = (list(row.values()) for row in rows(block.tables[0]))
    assert [first[0], second[0]] == ["as the board has it", "batches of 256 rows, not 1,024"]
    assert "(+0.50" in second[1] and "(+0.05" in second[2]
    text = " ".join(block.lines)
    assert "D2Q has the least MAE" in text and "1 of 2 moves of the means are larger" in text
    assert "No change of protocol here makes another method the best" in text
    assert "Against TR / VR as the board has it, MAE: worse: batches of 256 rows, not 1,024 (+0.50" in text


def test_another_leader_is_named() -> None:
    found = section(board(tr=3.1, d2q=3.3))
    assert found is not None
    leads, order = found.parts[0].lines[-2:]
    assert "another method leads with: batches of 256 rows, not 1,024 (TR / VR)" in leads
    assert order.endswith("as the board has it D2Q, TR / VR; batches of 256 rows, not 1,024: TR / VR, D2Q.")


def test_a_change_that_one_of_the_methods_has_not_run_is_compared_among_the_others() -> None:
    everybody = [
        *board(tr=3.1, d2q=3.3).records,
        record(BASE, "cread", mae=3.0),
        record(BASE, "cread", seed=1, mae=3.0),
    ]
    found = section(Board(everybody))
    assert found is not None
    told = "another method leads with: batches of 256 rows, not 1,024 (TR / VR; CREAD has not run so)"
    assert told in found.parts[0].lines[-1]
    assert [table.name for table in found.parts[0].tables] == ["tweaks-mae", "tweaks-xauc"]
    assert all(rows(table)[1]["CREAD"] == "–" for table in found.parts[0].tables)


@pytest.mark.parametrize("records", [[], [record(BASE, "tr")], [record("kuairec@batch256", "tr")]])
def test_nothing_is_said_where_nothing_can_be_compared(records: list) -> None:
    assert section(Board(records)) is None


def test_a_changed_protocol_has_no_board_of_its_own_beside_its_base() -> None:
    assert board(tr=3.1).datasets == [BASE]
    assert Board([record("kuairec@batch256", "tr")]).datasets == ["kuairec@batch256"]


def test_calibration_stands_in_a_table_of_its_own() -> None:
    from reports.sections.distributions import section as distributions

    fitting = {"pinball": 5.0, "pinball_rows": 8192.0, "coverage_50": 0.51, "coverage_80": 0.79, "coverage_90": 0.9}
    kept = record(method="egmn")
    kept.metrics["test"].update(fitting)
    found = distributions(Board([kept, record(method="tr")]))
    assert found is not None
    (row,) = rows(found.parts[0].tables[0])
    assert list(row.values())[:3] == ["egmn", "1", "**5.000**"]
    assert "8,192 test rows" in found.parts[0].lines[0]
    assert distributions(Board([record(method="tr")])) is None
