"""Downloads against a local server: resumed, checked, unpacked all at once or not at all."""

import errno
import hashlib
import io
import os
import re
import shutil
import tarfile
import threading
import zipfile
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from datasets import registry
from datasets.kuairand import KuaiRand
from datasets.kuairec import KuaiRec
from datasets.reading import download
from datasets.reading.download import DownloadError, fetch
from tests import fixtures


class Server(ThreadingHTTPServer):
    """Serves one archive with byte ranges; `cut` bytes per connection at most, `status` answered instead where set."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = b""
        self.cut: int | None = None
        self.ranges, self.status = True, 0
        self.asked: list[str | None] = []


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        content, wanted = self.server.content, self.headers.get("Range")
        self.server.asked.append(wanted)
        if self.server.status:
            self.send_error(self.server.status)
            return
        start = int(re.match(r"bytes=(\d+)-", wanted).group(1)) if wanted and self.server.ranges else 0
        if start and start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = len(content) if self.server.cut is None else min(len(content), start + self.server.cut)
        self.wfile.write(content[start:end])
        self.wfile.flush()
        self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(download, "_BLOCK", 500)


def packed(folder: Path, kind: str) -> bytes:
    stream = io.BytesIO()
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    if kind == "zip":
        with zipfile.ZipFile(stream, "w") as pack:
            for path in files:
                pack.write(path, path.relative_to(folder))
    else:
        with tarfile.open(fileobj=stream, mode="w:gz") as tar:
            tar.add(folder, ".")
    return stream.getvalue()


def offered(server: Server, dataset, content: bytes, name: str):
    """The dataset with its archive at the local server."""
    server.content = content
    address = f"http://127.0.0.1:{server.server_address[1]}/{name}?download=1"
    dataset.source = replace(dataset.source, archive=address, md5=hashlib.md5(content).hexdigest())
    return dataset


@pytest.fixture
def kuairand(server, tmp_path):
    fixtures.kuairand(tmp_path / "official")
    return offered(server, KuaiRand(), packed(tmp_path / "official", "tar"), "KuaiRand-Pure.tar.gz")


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_an_archive_is_unpacked_to_the_official_layout(kuairand, tmp_path):
    seen = []
    files = fetch(kuairand, tmp_path / "root", lambda had, whole: seen.append((had, whole)))
    assert contents(tmp_path / "root") == contents(tmp_path / "official")
    assert files == kuairand.files(tmp_path / "root")
    assert seen[-1][0] == seen[-1][1] > 1000
    assert kuairand.build(tmp_path / "root").facts["rows_raw"] == 600


def test_a_zip_with_a_space_in_its_folder_is_unpacked(server, tmp_path):
    fixtures.kuairec(tmp_path / "official")
    dataset = offered(server, KuaiRec(), packed(tmp_path / "official", "zip"), "KuaiRec.zip")
    fetch(dataset, tmp_path / "root")
    assert contents(tmp_path / "root") == contents(tmp_path / "official")


def test_what_is_there_is_left_alone(kuairand, server, tmp_path):
    assert fetch(kuairand, tmp_path / "official")
    assert server.asked == []


def test_a_broken_transfer_goes_on_where_it_stopped(kuairand, server, tmp_path):
    server.cut = 500 * (len(server.content) // 1500 + 1)
    fetch(kuairand, tmp_path / "root")
    assert contents(tmp_path / "root") == contents(tmp_path / "official")
    assert server.asked == [None, f"bytes={server.cut}-", f"bytes={2 * server.cut}-"]


def test_a_transfer_that_keeps_breaking_keeps_its_bytes_for_the_next_time(kuairand, server, tmp_path):
    server.cut = 500 * (len(server.content) // 4000)
    with pytest.raises(DownloadError, match=r"bytes are kept in .*\.part: type the same again"):
        fetch(kuairand, tmp_path / "root")
    part = tmp_path / "root" / ".downloads" / "KuaiRand-Pure.tar.gz.part"
    had = part.stat().st_size
    assert had == 5 * server.cut
    assert part.read_bytes() == server.content[:had]
    assert not (tmp_path / "root" / "KuaiRand-Pure").exists()
    server.cut, server.asked = None, []
    fetch(kuairand, tmp_path / "root")
    assert server.asked == [f"bytes={had}-"]
    assert contents(tmp_path / "root") == contents(tmp_path / "official")


def test_a_server_without_ranges_starts_again(kuairand, server, tmp_path):
    part = tmp_path / "root" / ".downloads" / "KuaiRand-Pure.tar.gz.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * 100)
    server.ranges = False
    fetch(kuairand, tmp_path / "root")
    assert contents(tmp_path / "root") == contents(tmp_path / "official")


@pytest.mark.parametrize("extra", [0, 50])
def test_a_part_that_is_already_whole_or_too_long_is_put_right(kuairand, server, tmp_path, extra):
    part = tmp_path / "root" / ".downloads" / "KuaiRand-Pure.tar.gz.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(server.content + b"x" * extra)
    fetch(kuairand, tmp_path / "root")
    assert contents(tmp_path / "root") == contents(tmp_path / "official")
    assert len(server.asked) == (2 if extra else 1)


def test_a_wrong_hash_is_refused_and_nothing_is_kept(kuairand, server, tmp_path):
    right = server.content
    server.content = right[:-1] + bytes([right[-1] ^ 1])
    with pytest.raises(DownloadError, match="did not have the expected bytes"):
        fetch(kuairand, tmp_path / "root")
    assert set(contents(tmp_path / "root")) <= {".downloads/KuaiRand-Pure.tar.gz.lock"}
    server.content = right
    fetch(kuairand, tmp_path / "root")
    assert contents(tmp_path / "root") == contents(tmp_path / "official")


@pytest.mark.parametrize(("status", "tries"), [(404, 1), (503, 5)])
def test_a_server_that_refuses_is_one_sentence(kuairand, server, tmp_path, status, tries):
    server.status = status
    with pytest.raises(DownloadError, match=f"the server answered {status}"):
        fetch(kuairand, tmp_path / "root")
    assert len(server.asked) == tries


def test_no_server_is_one_sentence(kuairand, server, tmp_path):
    kuairand.source = replace(kuairand.source, archive="http://127.0.0.1:9/KuaiRand-Pure.tar.gz")
    with pytest.raises(DownloadError, match=r"cannot be downloaded \(ConnectionError\)"):
        fetch(kuairand, tmp_path / "root")


@pytest.mark.parametrize("step", ["download", "unpack"])
def test_no_space_is_told_and_nothing_is_half_unpacked(kuairand, server, tmp_path, monkeypatch, step):
    unpacked = sum(map(len, contents(tmp_path / "official").values()))
    room = len(server.content) // 2 if step == "download" else unpacked - 1
    assert len(server.content) < unpacked
    with monkeypatch.context() as patch:
        patch.setattr(download.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(room, 0, room))
        with pytest.raises(DownloadError, match="the disk is full"):
            fetch(kuairand, tmp_path / "root")
    assert not (tmp_path / "root" / "KuaiRand-Pure").exists()
    server.asked = []
    fetch(kuairand, tmp_path / "root")
    assert len(server.asked) == (1 if step == "download" else 0)  # the archive was kept
    assert contents(tmp_path / "root") == contents(tmp_path / "official")


def test_a_disk_that_fills_up_while_unpacking_leaves_nothing_half_done(kuairand, tmp_path, monkeypatch):
    def full(tar, to, **_):
        (Path(to) / "KuaiRand-Pure").mkdir()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(tarfile.TarFile, "extractall", full)
        with pytest.raises(DownloadError, match="No space left on device"):
            fetch(kuairand, tmp_path / "root")
    assert not (tmp_path / "root" / "KuaiRand-Pure").exists()
    assert not (tmp_path / "root" / ".downloads" / "unpacking").exists()


def test_an_incomplete_folder_is_not_overwritten(kuairand, tmp_path):
    mine = tmp_path / "root" / "KuaiRand-Pure" / "data" / "user_features_pure.csv"
    fixtures.write_csv(fixtures.kuairand_log(rows=3), mine)
    before = mine.read_bytes()
    with pytest.raises(DownloadError, match="is there already but incomplete: move it away"):
        fetch(kuairand, tmp_path / "root")
    assert mine.read_bytes() == before


@pytest.mark.parametrize("name", ["../evil.csv", "/evil.csv"])
def test_an_archive_that_writes_elsewhere_is_refused(server, tmp_path, name):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as pack:
        pack.writestr(name, "x")
    dataset = offered(server, KuaiRec(), stream.getvalue(), "KuaiRec.zip")
    with pytest.raises(DownloadError, match="outside its folder"):
        fetch(dataset, tmp_path / "root")
    assert not (tmp_path / "evil.csv").exists()


def test_an_archive_of_another_layout_is_told(server, tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as pack:
        pack.writestr("Other/readme.txt", "x")
    with pytest.raises(DownloadError, match="another layout than expected"):
        fetch(offered(server, KuaiRec(), stream.getvalue(), "KuaiRec.zip"), tmp_path / "root")


def test_what_cannot_be_downloaded_says_how_to_get_it(tmp_path):
    with pytest.raises(DownloadError, match="cannot be downloaded from here"):
        fetch(registry.get("kaggle"), tmp_path)
    assert fetch(registry.get("synthetic"), tmp_path) == []
