"""Hostile text in every string of a record, a trial and a noise file; hostile names; hostile archives."""

import hashlib
import io
import json
import os
import random
import re
import shutil
import tarfile
import threading
import zipfile
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from tests.torture import world
from tests.torture.mutations import paths, place
from tests.torture.table import Row

MARK = "zqx"
PAYLOADS = [
    f"<script>{MARK}(1)</script>", f'"><img src=x onerror={MARK}(1)>',
    f"</title></style></script><svg onload={MARK}(1)>",
    f"[{MARK}](javascript:{MARK}(1)) ![x](http://evil/{MARK})", f"a|b|{MARK}\n\n| x |\n|---|\n# {MARK}",
    f"<!-- {MARK} ",
    f"`</code><script>{MARK}(1)</script>`", f"<u onmouseover={MARK}(1)>{MARK}</u>", f"&lt;script&gt;{MARK}&#60;script>",
    f"\x1b]0;{MARK}\x07\x1b[31m{MARK}", f"\\input{{/etc/passwd}}{MARK}",
]  # fmt: skip
FORMULA = f"=cmd|' /C {MARK}'!A0"
PATH = f"../../../../../../escaped-{MARK}"


class Look(HTMLParser):
    """Counts elements and attributes that could run or load something."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: Counter[str] = Counter()
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        if tag in ("script", "iframe", "object", "embed", "base", "link", "form", "meta"):
            self.found[f"<{tag}>"] += 1
        for name, value in attrs:
            marked = MARK in (value or "")
            if (name.startswith("on") and marked) or (marked and name in ("src", "style", "xlink:href")):
                self.found[f"{tag}[{name}]"] += 1
            if marked and re.match(r"\s*(javascript|data|http)", value or ""):
                self.found[f"{tag}[{name}]"] += 1

    def handle_comment(self, data: str) -> None:
        self.found["comment"] += MARK in data

    def handle_data(self, data: str) -> None:
        self.found["text in a script or style"] += self.inside in ("script", "style") and MARK in data


def _look(page: Path) -> Counter[str]:
    one = Look()
    one.feed(page.read_text())
    return +one.found


def markdown(page: str) -> str:
    """Returns the first line that GitHub would show as our tag or link, or a row torn by a cell; "" for none."""
    width = 0
    for line in page.splitlines():
        bare = re.sub(r"`[^`]*`", "", line)
        if MARK in bare and re.search(
            r"(?<!\\)<(script|img|svg|u on|!--|/title)|(?<!\\)\]\((javascript|http://evil)", bare
        ):
            return line
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        if cells and width and cells != width and MARK in line:
            return f"torn row: {line}"
        width = cells and (width or cells)
    return ""


def outputs(runs: Path, said: str, plain: Counter[str]) -> dict[str, str]:
    """Returns every output that the mark broke out of, with an example."""
    found = {}
    if extra := _look(runs / "board.html") - plain:
        found["HTML"] = str(dict(extra))
    if line := markdown((runs / "RESULTS.md").read_text()):
        found["Markdown"] = line
    for path in sorted(runs.rglob("*")):
        if path.suffix == ".svg" and re.search(rf"<script|on\w+={MARK}|<img|<!-- {MARK}", path.read_text()):
            found["SVG"] = path.name
        if path.suffix == ".csv" and (hit := re.search(r'(^|,|")=cmd.*', path.read_text(), re.M)):
            found["CSV"] = hit[0]
        if path.suffix == ".tex" and "\\input{" in path.read_text():
            found["LaTeX"] = path.name
        if path.suffix in (".md", ".csv", ".tex", ".svg", ".html") and "\x1b" in path.read_text():
            found["ESC in a file"] = path.name
    if "\x1b]0;" in said or f"\x1b[31m{MARK}" in said:
        found["terminal"] = repr(said[:100])
    return found


def _changed(raw: bytes, at: tuple[Any, ...], text: str) -> bytes:
    value = json.loads(raw)
    place(value, at[:-1])[at[-1]] = text
    return json.dumps(value).encode()


def inject(runs: Path, times: int, rng: random.Random) -> Row:
    """Hostile text in so many strings of a record, a trial and a noise file; then every page and table is looked at."""
    row = Row("hostile text in records, trials and noise")
    code, said, why = world.call("report", "--runs", str(runs))
    if code:
        raise AssertionError(f"`report` fails on the finished run: {said[-300:]} {why}")
    plain = _look(runs / "board.html")
    targets = [
        path
        for pattern in ("*/*/*/0.json", "*/*/*/trials/000.json", "*/noise.json")
        for path in sorted(runs.glob(pattern))
    ]
    where = [
        (path, at)
        for path in targets
        for value in [json.loads(path.read_bytes())]
        for at in paths(value)
        if at and isinstance(place(value, at), str) and "files" not in at
    ]
    rng.shuffle(where)
    # what a page shows as text first: the others are mostly refused
    where.sort(key=lambda one: one[1][-1] not in ("title", "error", "unit", "device", "processor", "commit", "label"))
    for turn, (path, at) in enumerate(where[:times]):
        raw = path.read_bytes()
        text = (" ".join(PAYLOADS), FORMULA, " ".join(PAYLOADS), PATH)[turn % 4]
        path.write_bytes(_changed(raw, at, text))
        code, said, why = world.call("report", "--runs", str(runs), "--export", str(runs / "tables"))
        where_ = f"{path.parent.parent.name}/{path.name} {'.'.join(map(str, at))}"
        if fault := world.complaint(code, said, why):
            row.add(fault, held=False, example=f"{where_}: {why or said[-200:]}")
        elif code == 2:
            raised = "\x1b" in said
            row.add("ESC on the terminal" if raised else "refused", held=not raised, example=f"{where_}: {said!r}")
        else:
            found = outputs(runs, said, plain)
            row.add(" and ".join(found) or "shown as text", held=not found, example=f"{where_}: {found}")
        path.write_bytes(raw)
        shutil.rmtree(runs / "tables", ignore_errors=True)
    return row


_NAMES = [
    "../../x",
    "..",
    "/tmp/x",
    "a/b",
    "",
    ".",
    "x" * 300,
    "a\nb",
    "tuned",
    "a\0b",
    "\x1b[31m",
    "é",
    "-x",
    "default",
]
_METHOD = '''"""A made-up method."""

from methods.tr import TR


class Hostile(TR):
    """A TR with a name of no good."""

    name = {name!r}
    title = "Hostile"
    variants = {variants!r}
'''


def names(place_: Path, base: Path, times: int) -> Row:
    """Methods and variants whose names are paths, controls or taken: each is left out, and says so, and `list` goes on.

    place_: the sources, in which the method is written for a moment."""
    row = Row("hostile names of methods and variants")
    cases = [(name, {}) for name in _NAMES if name not in ("tuned", "default")] + [
        ("hostile", {name: {}}) for name in _NAMES
    ]
    module = place_ / "methods/hostile.py"
    outside = base.parent
    before = {path.name for path in outside.iterdir()}
    try:
        for name, variants in cases[:times] if times < len(cases) else cases:
            module.write_text(_METHOD.format(name=name, variants=variants))
            code, said, why = world.call("list")
            fault = world.complaint(code, said, why)
            # a class without a name counts as a base, and is passed over in silence
            told = "Hostile: A TR with a name of no good." not in said and "\x1b" not in said
            strange = {path.name for path in outside.iterdir()} - before
            fault = fault or ("accepted" if not told else f"wrote {strange}" if strange else "")
            row.add(fault or "left out", held=not fault, example=f"{name!r}, {variants!r}: {why or said[:200]}")
    finally:
        module.unlink(missing_ok=True)
    return row


def _tar(*members: tuple[str, bytes, str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, kind, link in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mode = kind, link, 0o6777
            data = b"owned" if kind == tarfile.REGTYPE else b""
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _zip(*files: str, link: str = "") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as pack:
        for name in files:
            pack.writestr(name, "owned")
        if link:
            info = zipfile.ZipInfo("KuaiRec 2.0/link")
            info.external_attr = 0o120777 << 16
            pack.writestr(info, link)
    return out.getvalue()


def hostile(outside: Path) -> dict[str, bytes]:
    """Returns archives that want to write there, by name; those named tar are offered as KuaiRand's, the others as
    KuaiRec's."""
    r, s, h = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
    top = "KuaiRand-Pure"
    return {
        "tar ..": _tar(("../outside/x", r, "")),
        "tar below and up": _tar((f"{top}/../../outside/x", r, "")),
        "tar absolute": _tar((f"{outside}/x", r, "")),
        "tar symlink out": _tar((f"{top}/link", s, "../../../outside"), (f"{top}/link/x", r, "")),
        "tar symlink absolute": _tar((f"{top}/link", s, str(outside)), (f"{top}/link/x", r, "")),
        "tar hard link out": _tar((f"{top}/link", h, "../../outside/there"), (f"{top}/link", r, "")),
        "tar device": _tar((f"{top}/dev", tarfile.CHRTYPE, "")),
        "tar pipe": _tar((f"{top}/fifo", tarfile.FIFOTYPE, "")),
        "tar of .downloads": _tar((".downloads/x", r, "")),
        "tar empty": _tar(),
        "zip ..": _zip("../outside/x"),
        "zip below and up": _zip("KuaiRec 2.0/../../outside/x"),
        "zip absolute": _zip(f"{outside}/x"),
        "zip backslash": _zip("..\\outside\\x"),
        "zip symlink": _zip(link=str(outside)),
        "zip NUL": _zip("KuaiRec 2.0/a\0b"),
        "zip drive": _zip("C:/x"),
        "zip cut": _zip("KuaiRec 2.0/data/x")[:-30],
    }


def archives(base: Path, times: int) -> Row:
    """Archives with the right hash from 127.0.0.1: nothing is written outside the data root, and no link into it."""
    from datasets.kuairand import KuaiRand
    from datasets.kuairec import KuaiRec
    from datasets.reading.download import DownloadError, fetch

    row, content = Row("hostile archives"), b""

    class Serve(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Serve) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            for name, content in list(hostile(base / "outside").items())[:times]:
                shutil.rmtree(base, ignore_errors=True)
                (base / "outside").mkdir(parents=True)
                (base / "outside/there").write_text("mine")
                dataset = KuaiRec() if name.startswith("zip") else KuaiRand("kuairand")
                url = (
                    f"http://127.0.0.1:{server.server_port}/{name[:3]}.{'zip' if name.startswith('zip') else 'tar.gz'}"
                )
                source = replace(dataset.source, archive=url, md5=hashlib.md5(content).hexdigest())
                dataset.source = source
                verdict, why = "accepted", ""
                try:
                    fetch(dataset, base / "root")
                except DownloadError as error:
                    verdict, why = ("refused", "") if "\n" not in str(error) else ("not one line", str(error))
                except Exception as error:
                    verdict, why = "traceback", f"{type(error).__name__}: {error}"
                there = {p.name: p.read_text() for p in (base / "outside").iterdir()}
                odd = [p.name for p in (base / "root").rglob("*") if p.is_symlink() or not (p.is_file() or p.is_dir())]
                if there != {"there": "mine"} or odd or {p.name for p in base.iterdir()} - {"root", "outside"}:
                    verdict, why = "wrote outside", f"{sorted(there)} {odd}"
                row.add(verdict, held=verdict in ("refused", "accepted"), example=f"{name}: {why}")
        finally:
            server.shutdown()
            thread.join()
    return row


def torture(place_: Path, runs0: Path, cache0: Path, base: Path, times: int, seed: int) -> list[Row]:
    """All of it; of strings so many. Runs in a process whose `benchmark` is that of `place_`."""
    shutil.rmtree(base, ignore_errors=True)
    shutil.copytree(runs0, base / "runs")
    shutil.copytree(cache0, base / "cache", copy_function=shutil.copy2)
    os.environ["CVP_CACHE"] = str(base / "cache")
    return [
        inject(base / "runs", times, random.Random(seed)),
        names(place_, base, times),
        archives(base / "archives", times),
    ]
