"""`check`: every fault is named with the author's line. (That every method here is sound, the contract tests say.)"""

import re
import sys
from importlib import invalidate_caches
from pathlib import Path

import pytest

import methods
from benchmark.check import declared
from benchmark.check.named import lines, stands
from benchmark.check.outcome import Outcome, Stop
from benchmark.check.run import check
from benchmark.check.watch import Author
from benchmark.check.worlds import MAKERS
from benchmark.cli.app import main
from benchmark.cli.authors import write
from tests.broken_methods import BROKEN, SOUND


def checked(text: str, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """What the check finds of a file with this text."""
    (folder / f"{name}.py").write_text(text)
    monkeypatch.setattr(methods, "__path__", [*methods.__path__, str(folder)])
    invalidate_caches()
    outcome = Outcome(Author(f"methods.{name}", folder))
    try:
        for cls in declared.found(f"methods.{name}", outcome):
            check(cls, outcome)
    except Stop:
        pass
    finally:
        sys.modules.pop(f"methods.{name}", None)
    return outcome


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_broken_method_is_told_its_fault_and_its_line(name, tmp_path, monkeypatch):
    old, new, word, line = BROKEN[name]
    assert SOUND.count(old) >= 1
    outcome = checked(SOUND.replace(old, new), name, tmp_path, monkeypatch)
    assert not outcome.sound
    told = [fault for fault in outcome.faults if word in fault.text]
    assert told, [str(fault) for fault in outcome.faults]
    if line:
        assert line in told[0].line and f"methods/{name}.py, line " in told[0].line
        number = int(re.findall(r"line (\d+)", told[0].line)[0])
        assert line in (tmp_path / f"{name}.py").read_text().splitlines()[number - 1]
    assert "vmap" not in str(outcome.faults)


def test_the_sound_one_that_they_are_made_from_passes_every_check(tmp_path, monkeypatch):
    outcome = checked(SOUND, "sound", tmp_path, monkeypatch)
    assert outcome.sound and not outcome.remarks and len(outcome.passed) == 12, outcome


def test_what_looks_across_the_batch_on_purpose_says_so(tmp_path, monkeypatch):
    old, new, *_ = BROKEN["across_the_batch"]
    text = SOUND.replace(old, new).replace("    space =", "    across_batch = True\n    space =")
    assert checked(text, "meant", tmp_path, monkeypatch).sound


def test_a_library_that_draws_when_it_is_imported_is_no_fault_of_the_method(tmp_path, monkeypatch):
    """So do parts of SciPy; and a generator with a seed of its own is nobody else's."""
    (tmp_path / "drawing_library.py").write_text("import numpy\nnumpy.random.default_rng()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    fit = "import drawing_library; import numpy as np; np.random.default_rng(7).random(); return {"
    assert checked(SOUND.replace("return {", fit, 1), "imports", tmp_path, monkeypatch).sound
    sys.modules.pop("drawing_library")


def test_the_file_that_new_writes_is_sound(tmp_path, monkeypatch):
    text = write("my_net", {}, tmp_path).read_text()
    assert checked(text, "my_net", tmp_path, monkeypatch).sound


def test_the_worlds_tell_their_truth():
    for make in (make for makers in MAKERS.values() for make in makers):
        world = make()
        label, truth = world.train.label, world.train.truth["mean"]
        assert abs(label.mean() / truth.mean() - 1) < 0.05
        assert ((label - truth) ** 2).mean() < ((label - label.mean()) ** 2).mean()


@pytest.mark.parametrize("name", ["tr", "methods/tr.py"])
def test_the_command_says_what_holds_and_what_is_next(name, capsys):
    assert main(["check", name]) == 0
    said = capsys.readouterr().out
    assert "sound" in said and "python -m benchmark run --suite quick --only tr" in said


def test_an_unknown_name_is_one_line(capsys):
    assert main(["check", "trr"]) == 2
    assert re.fullmatch(r"error: no method named 'trr'; did you mean 'tr'\?.*new trr.*\n", capsys.readouterr().err)


def test_faults_are_counted_and_the_command_fails(capsys, monkeypatch):
    broken = Outcome(Author("methods.tr"))
    broken.fault("x", "something is wrong", "methods/tr.py, line 1: `x`")
    broken.fault("x", "the same again")
    assert list(lines("tr", broken))[-2:] == [
        "  FAULT  something is wrong\n        methods/tr.py, line 1: `x`",
        "1 fault: mend it and check again",
    ]
    monkeypatch.setattr("benchmark.check.named.by_name", lambda *_: broken)
    assert main(["check", "tr"]) == 1 and "something is wrong" in capsys.readouterr().out


def test_a_method_is_believed_to_mean_it_where_its_records_stand(tmp_path):
    assert stands("tr", "methods.tr")
    assert not stands("tr", "methods.tr", tmp_path)
    assert not stands("tr", "methods.tpm")
