"""Records change hands: submitted from one folder, accepted into another, refused by name where tampered with."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from benchmark import ROOT
from benchmark.cli.app import main
from benchmark.files.errors import UserError
from benchmark.files.paths import RUNS
from benchmark.metrics.evaluate import evaluate
from benchmark.plan.catalog import catalog
from benchmark.records import stamp as stamps
from benchmark.records.cell import Cell, Group
from benchmark.records.identity import digest, of_config
from benchmark.records.predictions import path_of
from benchmark.records.record import Record, encode
from benchmark.records.stamp import Reporter, Verified
from benchmark.records.store import Store
from benchmark.records.study import Study
from benchmark.share import accept, commit, sane, submission
from benchmark.share.verify import BEGINS, ENDS, chosen, compared
from tests.worlds import split, watch_world

METHODS = catalog()[0]
SEEDS = range(5)
COMMIT = "0123456789" * 4


@pytest.fixture(autouse=True)
def working_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit that is checked out holds the files as they lie here: these tests are not about git."""

    def files_at(_: str, path: str) -> str:
        return digest((ROOT / path).read_bytes()) if (ROOT / path).is_file() else ""

    for module in (submission, accept):
        monkeypatch.setattr(module, "files_at", files_at)
    monkeypatch.setattr(submission, "head", lambda: COMMIT)
    monkeypatch.setattr(accept, "known", lambda name: name == COMMIT)


@pytest.fixture(scope="session")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Somebody's records: five seeds of a network and a constant, as a run has written them."""
    store = Store(tmp_path_factory.mktemp("theirs"))
    for method, seeds in (("tr", SEEDS), ("mean", range(1))):
        for seed in seeds:
            record = Store(RUNS).read(Cell("cdnow", method, "default", seed))
            assert record is not None
            store.write(record)
    return store


@pytest.fixture
def sent(theirs: Store, tmp_path: Path) -> Path:
    """The folder that they send."""
    folder = tmp_path / "sent"
    submission.pack(theirs, METHODS, folder, by="A. Author, Somewhere")
    return folder


@pytest.fixture
def ours(tmp_path: Path) -> Store:
    """Our records: none yet."""
    return Store(tmp_path / "ours")


def again(folder: Path, path: str, data: bytes | None) -> None:
    """Change a file, or leave it out, as somebody does who corrects the manifest after it."""
    told = json.loads((folder / submission.FILE).read_text())
    if data is None:
        (folder / path).unlink()
        told["files"].pop(path)
    else:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
        told["files"][path] = hashlib.sha256(data).hexdigest()
    (folder / submission.FILE).write_text(json.dumps(told))


def manifest(folder: Path, **changes: Any) -> None:
    told = json.loads((folder / submission.FILE).read_text()) | changes
    (folder / submission.FILE).write_text(json.dumps(told))


def edited(folder: Path, change: Callable[[Record], Record], seed: int = 0) -> None:
    path = f"records/cdnow/tr/default/{seed}.json"
    record = msgspec.json.decode((folder / path).read_bytes(), type=Record)
    again(folder, path, encode(change(record)))


def with_test(record: Record, **metrics: float) -> Record:
    return msgspec.structs.replace(record, metrics=record.metrics | {"test": record.metrics["test"] | metrics})


def identified(record: Record, **changes: Any) -> Record:
    return msgspec.structs.replace(record, identity=msgspec.structs.replace(record.identity, **changes))


def test_what_one_folder_submits_the_other_files_with_its_origin(theirs, sent, ours, capsys):
    found = accept.check(sent, ours, METHODS)
    assert accept.file(found, ours) == 6
    assert {r.cell for r in ours.all()} == {r.cell for r in theirs.all()}
    for record in theirs.all():
        assert ours.read(record.cell) == record
        mark = stamps.read(ours.folder, record.cell)
        assert mark is not None and mark.words == "reported by A. Author, Somewhere"
        assert mark.origin is not None and mark.origin.commit == COMMIT and mark.origin.hardware
    assert any("cdnow: data" in line and "new here" in line for line in found.told)


def test_a_second_time_it_is_refused_as_a_duplicate(sent, ours):
    accept.file(accept.check(sent, ours, METHODS), ours)
    with pytest.raises(UserError, match=r"refused.*cdnow/mean/default/0: .* holds it already"):
        accept.check(sent, ours, METHODS)


TAMPERED: dict[str, tuple[Callable[[Path], object], str]] = {
    "a number": (
        lambda f: (f / "records/cdnow/tr/default/0.json").write_text(
            (f / "records/cdnow/tr/default/0.json").read_text().replace('"mae"', '"mae" ')
        ),
        r"records/cdnow/tr/default/0.json: its bytes are not those",
    ),
    "a number, manifest corrected": (
        lambda f: edited(f, lambda r: with_test(r, mae=0.9 * (r.metrics["test"]["mae"] or 0))),
        r"cdnow/tr/default/0: its mae of .* is not that of its parts",
    ),
    "a ranking": (lambda f: edited(f, lambda r: with_test(r, xauc=0.9)), "xauc is not the middle"),
    "the validation": (
        lambda f: edited(
            f, lambda r: msgspec.structs.replace(r, curve=msgspec.structs.replace(r.curve, best_epoch=1)), seed=1
        ),
        "cdnow/tr/default/1: it kept epoch 1, which is not the best",
    ),
    "a script": (lambda f: again(f, "records/cdnow/tr/default/run.py", b"print()"), r"run.py: it is neither a record"),
    "a file that is not named": (
        lambda f: (f / "notes.txt").write_text("x"),
        "notes.txt: submission.json does not name",
    ),
    "a link": (
        lambda f: (f / "records/cdnow/tr/default/9.json").symlink_to("/etc/hostname"),
        "9.json: it is a link",
    ),
    "a linked folder": (lambda f: (f / "records/cdnow/other").symlink_to("/etc"), "records/cdnow/other: it is a link"),
    "a path that escapes": (
        lambda f: manifest(f, files={"records/../../../x/0.json": "0" * 64}),
        "submission.json does not name it|it is neither|is not there",
    ),
    "a name that climbs": (
        lambda f: again(f, "records/cdnow/.../default/0.json", (f / "records/cdnow/tr/default/0.json").read_bytes()),
        r"records/cdnow/.../default/0.json: it is neither a record",
    ),
    "a moved record": (
        lambda f: again(f, "records/cdnow/tpm/default/0.json", (f / "records/cdnow/tr/default/0.json").read_bytes()),
        "tpm/default/0.json: it holds cdnow/tr/default/0",
    ),
    "a seed left out": (
        lambda f: again(f, "records/cdnow/tr/default/3.json", None),
        "cdnow/tr/default: seed 3 missing of 5",
    ),
    "a seed twice": (
        lambda f: edited(
            f,
            lambda r: msgspec.structs.replace(
                msgspec.json.decode((f / "records/cdnow/tr/default/0.json").read_bytes(), type=Record), seed=4
            ),
            seed=4,
        ),
        "cdnow/tr/default/4: it holds the very numbers of seed 0",
    ),
    "a file that is not there": (
        lambda f: (f / "records/cdnow/tr/default/2.json").unlink(),
        "tr/default/2.json: submission.json names it, and it is not there",
    ),
    "the code": (
        lambda f: edited(f, lambda r: identified(r, code="0" * 16)),
        "its code is not the hash of the files that it names",
    ),
    "other files": (
        lambda f: edited(
            f,
            lambda r: identified(
                r,
                files={**r.identity.files, "methods/tr.py": "0" * 16},
                code=digest(json.dumps({**r.identity.files, "methods/tr.py": "0" * 16}, sort_keys=True).encode()),
            ),
        ),
        "its methods/tr.py is not that of commit 012345678901",
    ),
    "another protocol": (
        lambda f: edited(
            f,
            lambda r: identified(
                msgspec.structs.replace(r, protocol=r.protocol | {"epochs": 99}),
                config=of_config(r.config, r.protocol | {"epochs": 99}),
            ),
        ),
        "its protocol is not that of cdnow",
    ),
    "another setting": (
        lambda f: edited(
            f,
            lambda r: identified(
                msgspec.structs.replace(r, config=r.config | {"lr": 0.5}),
                config=of_config(r.config | {"lr": 0.5}, r.protocol),
            ),
        ),
        "configuration moved: lr 0.5",
    ),
    "other data for one seed": (
        lambda f: edited(
            f, lambda r: identified(msgspec.structs.replace(r, facts=r.facts | {"fingerprint": "x"}), data="x")
        ),
        "cdnow: its records come from more than one state of the data",
    ),
    "the format of a record": (
        lambda f: edited(f, lambda r: msgspec.structs.replace(r, format=2)),
        "tr/default/0.json: it is of format 2",
    ),
    "the format of the manifest": (lambda f: manifest(f, format=2), "submission.json: it is of format 2"),
    "another commit": (lambda f: manifest(f, commit="f" * 40), "commit ffffffffffff is not in this repository"),
    "who": (lambda f: manifest(f, by="A\x1b[31m"), "`by` is one line"),
    "more fields": (lambda f: manifest(f, run="rm -rf"), "it is not a submission"),
    "a failed cell": (
        lambda f: edited(f, lambda r: msgspec.structs.replace(r, outcome="failed", error="x")),
        "it is failed: only finished cells",
    ),
    "a title": (lambda f: edited(f, lambda r: msgspec.structs.replace(r, title="Best")), "its title is 'Best'"),
    "no record": (
        lambda f: again(f, "records/cdnow/mean/default/0.json", b"{}\n"),
        "mean/default/0.json: it is not a record",
    ),
    "predictions without a record": (
        lambda f: again(f, f"predictions/cdnow/tpm/default/0-{'a' * 16}.npy", npy(np.ones(3, np.float32))),
        "its record did not come along",
    ),
    "predictions that run code": (
        lambda f: again(f, f"predictions/cdnow/tr/default/0-{'a' * 16}.npy", npy(np.array([print], object))),
        "it is no array",
    ),
}


def npy(values: np.ndarray) -> bytes:
    import io

    content = io.BytesIO()
    np.save(content, values, allow_pickle=True)
    return content.getvalue()


def tuned(store: Store) -> list[Record]:
    """The committed records of a searched row, with their trials, put into a store."""
    records = [r for r in Store(RUNS).of("cdnow") if (r.method, r.variant) == ("ziln", "tuned")]
    for record in records:
        store.write(record)
    study = Study("cdnow", "ziln", "tuned")
    for trial in study.read(RUNS):
        study.write(store.folder, trial)
    return records


def test_settings_that_a_search_chose_travel_with_its_trials(tmp_path, ours):
    records = tuned(Store(tmp_path / "theirs"))
    found, _ = submission.pack(Store(tmp_path / "theirs"), METHODS, tmp_path / "sent", by="A")
    assert len(found.files) > len(records) == 5
    accept.file(accept.check(tmp_path / "sent", ours, METHODS), ours)
    study = Study("cdnow", "ziln", "tuned")
    assert study.read(ours.folder) == study.read(RUNS) and len(ours.all()) == 5
    with pytest.raises(UserError, match="holds it already"):
        accept.check(tmp_path / "sent", ours, METHODS)


def test_a_choice_without_its_best_trial_is_refused(tmp_path, ours):
    (record, *_) = tuned(Store(tmp_path / "theirs"))
    submission.pack(Store(tmp_path / "theirs"), METHODS, tmp_path / "sent", by="A")
    assert not isinstance(record.tuned, msgspec.UnsetType)
    again(tmp_path / "sent", f"records/cdnow/ziln/tuned/trials/{record.tuned.trial:03d}.json", None)
    with pytest.raises(UserError, match=r"refused, nothing is filed: cdnow/ziln/tuned/0: "):
        accept.check(tmp_path / "sent", ours, METHODS)


@pytest.mark.parametrize("name", TAMPERED)
def test_a_tampered_folder_is_refused_by_name_and_nothing_is_filed(name, sent, ours):
    tamper, told = TAMPERED[name]
    tamper(sent)
    with pytest.raises(UserError, match=f"^refused, nothing is filed: .*({told})"):
        accept.check(sent, ours, METHODS)
    assert not ours.folder.exists()


def test_a_file_that_is_not_ours_is_refused_and_needs_a_folder_of_its_own(sent, ours, theirs):
    for record in theirs.all():
        if record.method == "mean":
            ours.write(identified(msgspec.structs.replace(record, variant="other"), data="another file"))
    with pytest.raises(UserError, match=r"another file than the one we know.*--runs FOLDER"):
        accept.check(sent, ours, METHODS)


def test_stale_records_and_those_of_uncommitted_files_are_not_sent(theirs, tmp_path, monkeypatch):
    mixed = Store(tmp_path / "mixed")
    for record in theirs.all():
        mixed.write(identified(record, code="0" * 16) if record.method == "mean" else record)
    found, left = submission.pack(mixed, METHODS, tmp_path / "out", by="A")
    assert len(found.files) == 5 and left == [f"cdnow/mean/default/0: {left[0].split(': ', 1)[1]}"]
    monkeypatch.setattr(submission, "files_at", lambda commit, path: "another")
    with pytest.raises(UserError, match="commit them first"):
        submission.pack(theirs, METHODS, tmp_path / "more", by="A")
    assert not (tmp_path / "more").exists()


def test_a_folder_that_is_there_is_not_written_over(theirs, sent):
    with pytest.raises(UserError, match="is there already"):
        submission.pack(theirs, METHODS, sent, by="A")


@pytest.fixture
def predicted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Store, Path]:
    """A folder with predictions of a small table that stands for a dataset's."""
    monkeypatch.setenv("CVP_CACHE", str(tmp_path / "cache"))
    table = replace(split(*watch_world(400)), fingerprint="f" * 16)
    monkeypatch.setattr("datasets.cache.load", lambda dataset, root: table)
    old = Store(RUNS).read(Cell("synthetic", "bucket_mean", "default", 0))
    assert old is not None
    test = table.view("test")
    values = np.random.default_rng(0).random(len(test)).astype(np.float32)
    assert test.label is not None
    metrics, slices = evaluate("watch_time", test.label, values, user=test.user, bucket=test.bucket)
    sizes = {"train": len(table.view("train")), "valid": len(test), "test": len(test)}
    record = identified(
        msgspec.structs.replace(
            old,
            metrics={"test": metrics, "valid": metrics},
            slices=slices,
            facts=old.facts | {"fingerprint": table.fingerprint, "split_sizes": sizes},
        ),
        data=table.fingerprint,
    )
    store = Store(tmp_path / "theirs")
    store.write(record)
    place = path_of(Group(*str(record.cell).split("/")[:3], (0,)), 0, record.identity)  # type: ignore[arg-type]
    place.parent.mkdir(parents=True)
    place.write_bytes(npy(values))
    submission.pack(store, METHODS, tmp_path / "sent", by="A", predictions=True)
    place.unlink()
    return store, place


def test_predictions_come_along_and_metrics_are_computed_again(predicted, tmp_path, ours):
    _, place = predicted
    found = accept.check(tmp_path / "sent", ours, METHODS)
    assert "synthetic: metrics of 1 cells recomputed from their predictions" in found.told
    accept.file(found, ours)
    assert place.is_file(), "for paired tests"


def test_predictions_that_do_not_give_the_numbers_are_refused(predicted, tmp_path, ours):
    path = next(p for p in (tmp_path / "sent").rglob("*.npy"))
    name = path.relative_to(tmp_path / "sent").as_posix()
    again(tmp_path / "sent", name, npy(np.load(path) * np.float32(1.01)))
    with pytest.raises(UserError, match=r"synthetic/bucket_mean/default/0: its mae is .*, and its predictions give"):
        accept.check(tmp_path / "sent", ours, METHODS)
    again(tmp_path / "sent", name, npy(np.ones(3, np.float32)))
    with pytest.raises(UserError, match="its predictions are not of"):
        accept.check(tmp_path / "sent", ours, METHODS)


def test_every_committed_record_agrees_with_itself():
    records = [r for r in Store(RUNS).all() if r.outcome == "ok"]
    assert len(records) > 1000
    assert not [(str(r.cell), fault) for r in records for fault in sane.faults(r)]


def test_a_file_at_a_commit_is_what_git_says(tmp_path, monkeypatch):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")

    def git(*arguments: str) -> str:
        who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        return subprocess.run(
            ["git", *who, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout

    git("init", "-q")
    (tmp_path / "a.py").write_text("x = 1\n")
    git("add", "a.py")
    git("commit", "-qm", "one")
    (tmp_path / "a.py").write_text("x = 2\n")
    monkeypatch.setattr(commit, "ROOT", tmp_path)
    one = git("rev-parse", "HEAD").strip()
    assert commit.head() == one and commit.known(one) and not commit.known("f" * 40) and not commit.known(one[:12])
    assert commit.files_at(one, "a.py") == digest(b"x = 1\n") and commit.files_at(one, "b.py") == ""


# --- stamps and verification


def test_a_stamp_speaks_of_the_record_that_it_was_written_for(theirs, tmp_path):
    store, cell = Store(tmp_path), Cell("cdnow", "tr", "default", 0)
    record = theirs.read(cell)
    store.write(record)
    origin = Reporter(by="A", hardware="one core", commit=COMMIT, received="2026-01-01")
    stamps.write(tmp_path, cell, origin=origin)
    verified = Verified(verdict="same bits", hardware="two cores", commit=COMMIT, when="2026-01-02")
    both = stamps.write(tmp_path, cell, verified=verified)
    assert (both.origin, both.verified) == (origin, verified) and both.words == "verified: same bits"
    assert stamps.all_below(tmp_path) == {cell: both}
    assert [r.cell for r in store.all()] == [cell], "a stamp is no record"
    store.write(with_test(record, mae=1.0))
    assert stamps.read(tmp_path, cell) is None and stamps.all_below(tmp_path) == {}


def test_what_differs_stays_reported_and_says_by_how_much():
    origin = Reporter(by="A", hardware="", commit="", received="")
    verified = Verified(verdict="different", metric="mae", difference=0.25, hardware="", commit="", when="")
    assert (
        stamps.Stamp(record="", origin=origin, verified=verified).words
        == "reported by A, trained again, mae differs by 25 %"
    )


def test_two_runs_of_a_cell_are_the_same_bits_rounding_or_different(theirs):
    row = [r for r in theirs.all() if r.method == "tr"]
    record, spread = row[0], np.std([r.metrics["test"]["mae"] for r in row], ddof=1)
    mae = record.metrics["test"]["mae"]
    assert compared(record, with_test(record, another=1.0)).verdict == "same bits", "what a later version keeps besides"
    near = compared(record, with_test(record, mae=mae + 2.9 * spread), row)
    assert (near.verdict, near.metric) == ("within rounding", "mae")
    assert near.difference == pytest.approx(2.9 * spread / mae, rel=0.01)
    assert compared(record, with_test(record, mae=mae + 3.1 * spread), row).verdict == "different"
    assert compared(record, with_test(record, mae=mae * (1 + ENDS / 2))).verdict == "within rounding", "no other seeds"
    assert compared(record, with_test(record, mae=mae * (1 + 2 * ENDS))).verdict == "different"
    lost = msgspec.structs.replace(record, metrics=record.metrics | {"test": record.metrics["test"] | {"mae": None}})
    assert compared(record, lost, row).verdict == "different"


def test_a_run_that_begins_otherwise_is_another_one_wherever_it_ends(theirs):
    row = [r for r in theirs.all() if r.method == "tr"]
    record = row[0]
    first, *others = record.curve.valid
    for shift, verdict in ((BEGINS / 2, "within rounding"), (2 * BEGINS, "different")):
        curve = msgspec.structs.replace(record.curve, valid=[first * (1 + shift), *others])
        now = msgspec.structs.replace(with_test(record, mae=record.metrics["test"]["mae"] * (1 + 1e-9)), curve=curve)
        assert compared(record, now, row).verdict == verdict


def test_cells_are_chosen_by_name_or_drawn(theirs):
    assert chosen(theirs, ["cdnow/tr"], 0) == [Cell("cdnow", "tr", "default", seed) for seed in SEEDS]
    assert chosen(theirs, ["cdnow/tr/default/3"], 0) == [Cell("cdnow", "tr", "default", 3)]
    drawn = chosen(theirs, [], 3)
    assert len(set(drawn)) == 3 and drawn == chosen(theirs, [], 3) and drawn != chosen(theirs, [], 3, seed=1)
    with pytest.raises(UserError, match="no finished record of cdnow/t "):
        chosen(theirs, ["cdnow/t"], 0)


def test_a_constant_trained_again_gives_the_same_bits_and_is_stamped(tmp_path, capsys):
    """On a made-up world, so that no file is needed."""
    cell = Cell("synthetic", "bucket_mean", "default", 0)
    Store(tmp_path).write(Store(RUNS).read(cell))
    assert main(["verify", "synthetic/bucket_mean", "--runs", str(tmp_path)]) == 0
    assert "same bits" in capsys.readouterr().out
    mark = stamps.read(tmp_path, cell)
    assert mark is not None and mark.verified is not None and mark.verified.verdict == "same bits"


def test_the_verbs_go_from_one_folder_to_the_other(theirs, tmp_path, capsys):
    out, mine = tmp_path / "out", tmp_path / "mine"
    assert main(["submit", str(out), "--by", "A", "--runs", str(theirs.folder)]) == 0
    assert main(["accept", str(out), "--check", "--runs", str(mine)]) == 0
    assert not mine.exists() and "6 records by A are in order" in capsys.readouterr().out
    assert main(["accept", str(out), "--runs", str(mine)]) == 0
    said = capsys.readouterr().out
    assert len(Store(mine).all()) == 6 and "reported by A" in said and "cdnow, by MAE: 2 of this run (>)" in said
    assert main(["accept", str(out), "--runs", str(mine)]) == 2
    assert capsys.readouterr().err.startswith("error: refused, nothing is filed: ")
