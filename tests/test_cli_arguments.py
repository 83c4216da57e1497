"""Arguments that look empty or odd are refused by name, and text from files cannot steer the terminal."""

import io
import logging
from pathlib import Path

import pytest

from benchmark.cli.app import main
from benchmark.files.plain import PlainConsole, PlainFormatter, plain
from tests import fake_records


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line of an error that a user can mend."""
    assert main(list(arguments)) == 2
    out, error = capsys.readouterr()
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error + out


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", "--suite", "ltv", "--only", ""),
        ("plan", "--suite", "ltv", "--only="),
        ("plan", "--suite", "ltv", "--only", " "),
        ("run", "--suite", "ltv", "--dataset", ""),
        ("plan", "--data", ""),
        ("report", "--runs", ""),
        ("plan", "--search", ""),
        ("status", "--suite", ""),
        ("data", "--fetch", ""),
    ],
)  # fmt: skip
def test_an_empty_argument_is_refused(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    option = next(a for a in arguments[::-1] if a.startswith("--")).rstrip("=")
    assert f"error: {option} '' names nothing: say what you want, or leave {option} away" in refused(capsys, *arguments)


@pytest.mark.parametrize("names", ["tr,,wlr", ",", "tr,"])
def test_an_empty_name_between_commas_is_refused(capsys: pytest.CaptureFixture[str], names: str) -> None:
    assert f"--only {names!r} holds an empty name" in refused(capsys, "plan", "--suite", "ltv", "--only", names)


@pytest.mark.parametrize("option", ["--seeds", "--tune"])
@pytest.mark.parametrize("value", ["1.9", "0", "-1", "1000000000", "1_0", "0x2", "1e3", "two", "nan", "9" * 5000])
def test_a_count_is_a_whole_number_within_reason(capsys: pytest.CaptureFixture[str], option: str, value: str) -> None:
    words = refused(capsys, "plan", "--suite", "ltv", option, value)
    assert "is not a whole number from 1 to " in words
    assert len(words) < 300


def test_workers_are_a_whole_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert "is not a whole number from 0 to 10,000" in refused(capsys, "run", "--workers", "1.9")


def test_compare_knows_its_datasets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fake_records.save(tmp_path, fake_records.record())
    runs = ("--runs", str(tmp_path))
    assert "no dataset named 'nope'" in refused(capsys, "compare", "--dataset", "nope", *runs)
    words = refused(capsys, "compare", "--dataset", "kuairec", *runs)
    assert f"{tmp_path} has no record of 'kuairec' to compare; it has those of kuairand" in words


def test_explain_says_what_a_number_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "'kuairand' names no number: say DATASET/METHOD" in refused(capsys, "explain", "kuairand")


def test_the_version_is_that_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text()
    assert f'version = "{capsys.readouterr().out.removeprefix("cvp-bench ").strip()}"' in text


HOSTILE = "a\x1b[2Jb\x07c\x9bd\u202ee\r\x00"


def test_control_characters_are_written_out() -> None:
    assert plain(HOSTILE) == "a\\x1b[2Jb\\x07c\\x9bd\\u202ee\\x0d\\x00"
    same = "KuaiRec 2.0: 5 × 10⁻³ s, é, 漢字, 👩‍🔬\tand\nmore"
    assert plain(same) == same


def test_the_console_the_log_and_errors_print_plain_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = io.StringIO()
    PlainConsole(file=out, soft_wrap=True).print(HOSTILE, markup=False, highlight=False)
    assert "\x1b" not in out.getvalue()
    record = logging.LogRecord("x", logging.INFO, "x", 1, "%s", (HOSTILE,), None)
    assert "\x1b" not in PlainFormatter("%(message)s").format(record)
    error = refused(capsys, "plan", "--suite", HOSTILE.replace("\x00", ""))
    assert "\x1b" not in error


def test_a_title_that_would_clear_the_screen_does_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    failed = fake_records.record(outcome="failed", error="bad\x1b[2Jnews")
    fake_records.save(tmp_path, failed)
    assert main(["status", "--runs", str(tmp_path)]) == 0
    assert "\x1b" not in capsys.readouterr().out
