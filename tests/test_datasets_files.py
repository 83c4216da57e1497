"""What is kept in the cache comes back as it was written, or not at all."""

from pathlib import Path

import pytest

from datasets.common.files import recall, remember

BODIES = [b"", b"\n", b"some\nlines\n", bytes(range(256))]


@pytest.mark.parametrize("mark", ["", "a hash", "/data/\udcff", "two\nlines"])
@pytest.mark.parametrize("body", BODIES)
def test_it_comes_back_under_its_own_mark_alone(tmp_path: Path, body: bytes, mark: str) -> None:
    path = tmp_path / "a" / "b"
    assert recall(path, mark) is None
    remember(path, body, mark)
    assert recall(path, mark) == body
    assert recall(path, mark + "x") is None


@pytest.mark.parametrize("place", range(len(b"00000000 'mark'\nbody")))
def test_a_byte_that_is_another_is_noticed(tmp_path: Path, place: int) -> None:
    path = tmp_path / "kept"
    remember(path, b"body", "mark")
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1
    path.write_bytes(raw)
    assert recall(path, "mark") is None
    path.write_bytes(raw[:place])
    assert recall(path, "mark") is None


def test_what_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file in the place of the folder")
    remember(tmp_path / "folder" / "kept", b"body")
    assert recall(tmp_path / "folder" / "kept") is None
