"""Peers and growth: the same network on the same rows, what is not there is skipped by name, pages are the files'."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from benchmark import ROOT
from benchmark.bench import growth, kept, peers
from benchmark.bench.common import Asked, made_up
from benchmark.bench.run import main
from benchmark.bench.training import network
from benchmark.files.errors import UserError

SMALL = (40, 12, 5)
HERE = kept.Machine("a processor", 2, "2026-11-30", {"python": "3.11.7", "torch": "2.13.0"})
KEPT = ROOT / "reports" / "speed"


def test_sparse_gradients_change_no_output_and_no_gradient() -> None:
    torch.manual_seed(0)
    dense = network(SMALL).eval()
    sparse = network(SMALL, sparse=True).eval()
    sparse.load_state_dict(dense.state_dict())
    x = torch.from_numpy(made_up(SMALL, 64)[0]).long()
    for net in (dense, sparse):
        net(x).sum().backward()
    assert torch.equal(dense(x), sparse(x))
    for mine, theirs in zip(dense.parameters(), sparse.parameters(), strict=True):
        assert mine.grad is not None and theirs.grad is not None
        torch.testing.assert_close(mine.grad, theirs.grad.to_dense())


@pytest.mark.parametrize("what", [peers.OURS, peers.ALONE, peers.DENSE, peers.SPARSE])
def test_each_trainer_takes_as_many_steps_as_it_is_asked_for(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "BATCH", 32)
    made, seeds = peers.TRAINERS[what]
    ids, label = made_up(SMALL, 1200)
    made(ids, label, SMALL)(3)
    assert seeds == (5 if what == peers.OURS else 1)


def test_what_is_not_there_is_left_out_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any) -> Any:
        raise UserError("not installed: pip install it")

    def idle(*_: Any) -> Any:
        return lambda steps: sum(range(20_000 * steps))

    monkeypatch.setattr(peers, "TRAINERS", {peers.DENSE: (idle, 1), peers.DEEPCTR: (gone, 1)})
    monkeypatch.setattr(peers, "apart", lambda *_: 0.25)
    monkeypatch.setattr(peers, "STEPS", 1)
    monkeypatch.setattr(peers, "ROWS", 600)
    skipped: dict[str, str] = {}
    found = peers.compared(SMALL, skipped)
    assert [row.what for row in found] == [peers.FLOOR, peers.DENSE]
    assert skipped == {peers.DEEPCTR: "not installed: pip install it"}
    assert found[1].gib == 0.25 and found[1].floors > 0 and found[0].floors == 1


def test_the_table_has_a_row_for_each_trainer_and_a_column_for_each_size() -> None:
    rows = (
        peers.Row(peers.FLOOR, 100, 1.0, 512_000, 1.0, None),
        peers.Row(peers.OURS, 100, 2.0, 256_000, 2.0, 0.125),
        peers.Row(peers.FLOOR, 9000, 1.0, 512_000, 1.0, None),
    )
    lines = peers.table(peers.Peers(HERE, rows, {})).splitlines()
    assert lines[0] == "| rows a second and seed (GiB) | 100 ids | 9,000 ids | times the floor, 100 ids |"
    assert lines[2:] == [
        "| matrix products alone | 512,000 | 512,000 | 1.0 |",
        "| this trainer, five seeds together | 256,000 (0.12) | - | 2.0 |",
    ]


def test_only_what_can_be_kept_is(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="leave --out away, which is for peers and growth"):
        main("metrics", Asked(print, out=tmp_path / "x.json"))
    kept.keep(peers.Peers(HERE, (), {"x": "gone"}), Asked(lambda line: None, out=tmp_path / "x.json"))
    again = msgspec.json.decode((tmp_path / "x.json").read_bytes(), type=peers.Peers)
    assert again == peers.Peers(HERE, (), {"x": "gone"})


def points(power: float) -> tuple[growth.Point, ...]:
    return tuple(growth.Point(at, at**power, at**power, 3.0 * at) for at in (1, 10, 100))


def test_an_exponent_is_the_slope_of_a_power_law() -> None:
    at = [1, 10, 100, 1000]
    assert growth.exponent(at, [5 * x**1.5 for x in at]) == pytest.approx(1.5)
    assert growth.steepest(at, [7.0, 7, 7, 700]) == pytest.approx(2)
    told = growth.words(points(0.5))
    assert told == "seconds as the power 0.50, memory 1.00 (steepest between neighbours: 0.50, 1.00)"


def test_the_figure_has_the_same_bytes_again_and_a_panel_for_each_axis() -> None:
    found = growth.Growth(HERE, {"rows": points(1), "ids": points(0.5)})
    assert growth.drawn(found) == growth.drawn(found)
    assert growth.drawn(found).count('id="axes_') == 2


def test_a_point_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "WARM", 1)
    monkeypatch.setattr(growth, "STEPS", 2)
    point = growth._train({"rows": 1500, "ids": 300, "seeds": 2, "fields": 3}, 300)
    assert point.at == 300 and point.setup > 0 and point.epoch > 0


# What is committed


def test_readme_shows_the_committed_table_and_names_the_machine() -> None:
    found = msgspec.json.decode((KEPT / "peers.json").read_bytes(), type=peers.Peers)
    text = (ROOT / "README.md").read_text()
    assert peers.table(found) in text, "python -m benchmark bench peers --out reports/speed/peers.json prints it"
    assert found.machine.processor in text and found.machine.day in text


def test_nothing_grows_faster_than_its_work() -> None:
    found = msgspec.json.decode((KEPT / "growth.json").read_bytes(), type=growth.Growth)
    assert set(found.axes) == set(growth.AXES)
    for axis, measured in found.axes.items():
        at = [p.at for p in measured]
        assert at == list(growth.AXES[axis])
        for values in ([p.seconds for p in measured], [p.gib for p in measured]):
            assert growth.exponent(at, values) < 1.05, axis
    assert np.isfinite([p.seconds for ps in found.axes.values() for p in ps]).all()
    assert (KEPT / "growth.svg").read_text().startswith("<?xml")
