"""What lies below a folder, against pathlib's own glob."""

from pathlib import Path

import pytest

from benchmark.files.listing import below


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b/x/1.json", "b/x/10.json", "b/x/2.json", "a-b/x/0.json", "a/x/0.json", "a/x/0.npz", "a/noise.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    return tmp_path


@pytest.mark.parametrize("pattern", ["*/*/*.json", "*/*/[0-9]*", "a/noise.json", "*/noise.json", "*", "c/*", "a/x/*/*"])
def test_it_finds_what_a_glob_finds_in_the_order_of_paths(folder: Path, pattern: str) -> None:
    assert below(folder, pattern) == sorted(folder.glob(pattern))


def test_hidden_files_and_all_below_hidden_folders_are_left_out(folder: Path) -> None:
    before = below(folder, "*/*/*")
    for name in (".c/x/0.json", "a/.x/0.json", "a/x/.0.json.77"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    assert below(folder, "*/*/*") == before


def test_a_folder_that_is_not_there_or_none_has_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert below(tmp_path / "none", "*/*") == below(tmp_path / "file", "*") == []
