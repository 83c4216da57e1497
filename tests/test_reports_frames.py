"""The records folder: read whole, digested, as a frame; and what seeds say."""

import math
import statistics

import pytest

from benchmark.files.errors import UserError
from benchmark.records.store import files
from reports.cells import frame
from reports.evidence.stats import apart, percent
from reports.markup.table import best_two
from reports.model.folder import digest, read
from reports.model.summary import Summary, summarise
from tests.fake_records import record, save, seeds, world


def test_records_come_back_by_cell(tmp_path):
    records = world()
    save(tmp_path, *reversed(records))
    assert read(tmp_path).records == sorted(records, key=lambda r: r.cell)


def test_a_missing_folder_has_no_records(tmp_path):
    assert read(tmp_path / "none").records == []
    assert digest(tmp_path / "none") == digest(tmp_path)


def test_files_in_the_making_and_other_files_are_no_records(tmp_path):
    save(tmp_path, record())
    before = digest(tmp_path)
    folder = tmp_path / "kuairand/tpm/default"
    (folder / ".0.json.123").write_text("{")
    (folder / ".1.json").write_text("{")
    (folder / "0.npy").write_bytes(b"")
    (tmp_path / ".lock").write_text("")
    assert [p.name for p in files(tmp_path)] == ["0.json"]
    assert digest(tmp_path) == before


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"dataset": 3}'])
def test_a_damaged_record_is_named_with_what_to_do(tmp_path, damage):
    save(tmp_path, record())
    path = files(tmp_path)[0]
    path.write_bytes(damage)
    with pytest.raises(UserError, match=r"tpm/default/0\.json is not a record .*: delete it and run again"):
        read(tmp_path)


def test_a_record_in_anothers_place_is_refused(tmp_path):
    save(tmp_path, record())
    path = files(tmp_path)[0]
    path.with_name("1.json").write_bytes(path.read_bytes())
    with pytest.raises(UserError, match=r"1\.json holds the record of kuairand/tpm/default/0"):
        read(tmp_path)


def test_the_digest_moves_with_bytes_and_paths_alone(tmp_path):
    one, two = save(tmp_path / "one", *seeds(3)), save(tmp_path / "two", *reversed(seeds(3)))
    assert digest(one) == digest(two)
    path = files(two)[0]
    path.write_bytes(path.read_bytes() + b" ")
    assert digest(one) != digest(two)
    assert digest(save(tmp_path / "three", *seeds(2))) != digest(one)


def test_the_frame_has_a_row_per_cell():
    cells = frame(world())
    assert len(cells) == len(world())
    tpm = cells[(cells.dataset == "kuairand") & (cells.method == "tpm")]
    assert tpm.test_mae.tolist() == [r.metrics["test"]["mae"] for r in seeds(method="tpm", mae=20.9, rmse=40.6)]
    assert tpm.cost_parameters.iloc[0] == 861_234
    assert cells[cells.outcome == "failed"].test_mae.isna().all()
    assert cells[cells.outcome == "failed"].error.iloc[0].startswith("ValueError")


def test_a_summary_is_the_mean_and_the_sample_standard_deviation():
    assert summarise([1.0, 2.0, 6.0]) == Summary(3.0, statistics.stdev([1, 2, 6]), 3)
    assert summarise([1.0, None]) == Summary(1.0, None, 1, of=2)
    assert summarise([1.0], exact=True) == Summary(1.0, 0.0, 1)
    assert summarise([None]) is None
    assert summarise([]) is None


def test_two_standard_errors_tell_means_apart():
    error = math.sqrt(0.3**2 / 5 + 0.4**2 / 4)
    a = Summary(10.0, 0.3, 5)
    assert apart(a, Summary(10 + 2.01 * error, 0.4, 4)) is True
    assert apart(a, Summary(10 - 1.99 * error, 0.4, 4)) is False
    assert apart(a, Summary(20.0, None, 1)) is None
    assert apart(Summary(1.0, 0.0, 1), Summary(1.0, 0.0, 1)) is False
    assert apart(Summary(1.0, 0.0, 1), Summary(1.1, 0.0, 1)) is True


def test_the_best_two_are_those_of_the_printed_values():
    assert best_two([3.0, 1.001, None, 2.0, 1.002], low=True, digits=2) == ({1, 4}, {3})
    assert best_two([3.0, 1.0], low=False, digits=2) == ({0}, {1})
    assert best_two([None, None], low=True, digits=2) == (set(), set())


def test_percent_is_relative_to_the_second():
    assert percent(9.0, 10.0) == pytest.approx(-10)
    assert percent(9.0, 0.0) is None
