"""The pages for readers are true: their links lead somewhere, their commands parse, their formulas are the code's."""

import inspect
import re
import shlex
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import yaml
from markdown_it import MarkdownIt

from benchmark import ROOT
from benchmark.cli.app import app
from benchmark.metrics import pairs as metrics
from benchmark.metrics.evaluate import calibration, evaluate
from datasets import registry

PAGES = sorted(p for p in (ROOT / "docs").glob("*.md"))
TEXTS = [ROOT / "README.md", *PAGES, *(ROOT / f"{name}.md" for name in ("CONTRIBUTING", "CHANGELOG", "SECURITY"))]
CFF = yaml.safe_load((ROOT / "CITATION.cff").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def links(path: Path) -> list[str]:
    """Where a page's links and pictures lead."""
    found = []
    for token in MarkdownIt().enable("table").parse(path.read_text()):
        for child in token.children or ():
            found += [str(child.attrs[key]) for key in ("href", "src") if key in child.attrs]
    return found


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and the site make them."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", TEXTS, ids=lambda p: p.name)
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page: Path) -> None:
    for link in links(page):
        target, _, anchor = link.partition("#")
        if "://" in target:
            assert target.startswith("https://"), f"{page.name}: {link} is not a safe address"
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists() and file.is_relative_to(ROOT), f"{page.name}: {link} leads nowhere"
        assert not anchor or anchor in anchors(file), f"{page.name}: no heading {anchor} in {file.name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_a_page_links_to_pages_of_the_site_alone(page: Path) -> None:
    files = [
        (page.parent / link.partition("#")[0]).resolve() for link in links(page) if "://" not in link and link[0] != "#"
    ]
    outside = [file.name for file in files if file.suffix != ".md" or file.parent != page.parent]
    assert not outside, "the site holds docs/ alone: name other files without a link"


def test_the_first_screen_of_the_readme_leads_to_every_page() -> None:
    first = (ROOT / "README.md").read_text().split("\n## ")[0]
    missing = [page.name for page in PAGES if f"](docs/{page.name})" not in first]
    assert not missing, "link them above the first heading of README.md"


def test_the_navigation_of_the_site_has_every_page() -> None:
    listed = set(re.findall(r"[\w-]+\.md$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    assert {page.name for page in PAGES} == listed, "list it in mkdocs.yml, under nav"


@pytest.mark.skipif(find_spec("mkdocs") is None, reason="mkdocs is not installed: `make docs` installs it")
def test_the_site_builds_without_a_warning_and_shows_the_board(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "board.html").read_bytes() == (ROOT / "board.html").read_bytes()
    assert 'src="board.html"' in (tmp_path / "index.html").read_text()
    assert "fonts.g" not in (tmp_path / "index.html").read_text(), "a reader's browser asks no other server for fonts"


def commands() -> list[tuple[str, str]]:
    """Each command line of ours that a page shows, with the page's name."""
    found = []
    for page in TEXTS:
        for block in re.findall(r"```bash\n(.*?)```", page.read_text(), re.DOTALL):
            lines = block.replace("\\\n", " ").splitlines()
            found += [(page.name, line.split("-m benchmark ", 1)[1]) for line in lines if "-m benchmark " in line]
    return found


@pytest.mark.parametrize(("page", "command"), commands())
def test_every_command_shown_is_one_that_the_command_line_takes(page: str, command: str) -> None:
    app.parse_args(shlex.split(command, comments=True), exit_on_error=False, print_error=False)


# --- protocols and metrics


METRICS = (ROOT / "docs" / "metrics.md").read_text()


def test_the_page_gives_each_metric_the_formula_of_its_docstring() -> None:
    public = [
        "mae", "rmse", "ratio", "xauc", "xgauc", "xgauc_coverage", "spearman", "spearman_ceiling", "normalized_gini",
        "auc", "average_precision",
    ]  # fmt: skip
    plain = " ".join(METRICS.replace("`", "").split())
    for name in public:
        doc = " ".join((inspect.getdoc(getattr(metrics, name)) or "").split())
        formula = re.split(r"; | over the |, ties|, with |: the |, tied| over groups|\.? ?NaN|\. ", doc)[0]
        assert len(formula) > 8 and formula in plain, f"{name}: {formula}"


def test_the_page_names_every_metric_that_a_record_keeps() -> None:
    rng = np.random.default_rng(0)
    label = np.maximum(rng.normal(size=60), 0)
    found = set()
    for task in ("watch_time", "ltv"):
        overall, slices = evaluate(task, label, rng.random(60), user=np.arange(60) // 3, bucket=np.arange(60) % 2)
        found |= set(overall).union(*slices.values()) - {"label", "prediction"}
    found |= set(calibration(label, np.sort(rng.random((60, 3)), 1), (0.1, 0.5, 0.9)))
    assert not [name for name in found if f"`{name}" not in METRICS]


def test_the_protocols_shown_are_those_of_the_datasets() -> None:
    rows = re.findall(r"^\| `([\w@-]+)` \| (.+?) \| (\d+) \| (\d+) \| (\d+) \| (\w+) \|$", METRICS, re.MULTILINE)
    assert len(rows) >= 9
    for name, *shown in rows:
        p = registry.get(name).protocol
        assert shown == [p.split, str(p.batch), str(p.epochs), str(p.patience), p.stop]


# --- what a public repository says of itself


def test_one_version_everywhere() -> None:
    newest = re.findall(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0]
    assert PROJECT["version"] == CFF["version"] == newest


def test_the_citation_and_the_licence_agree() -> None:
    assert CFF["license"] == "MIT" and (ROOT / "LICENSE").read_text().startswith("MIT License")
    assert CFF["authors"][0]["name"] in (ROOT / "LICENSE").read_text()


def test_the_workflow_runs_the_readmes_commands_on_every_python_supported() -> None:
    job = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())["jobs"]["commands"]
    ran = {step["run"] for step in job["steps"] if "run" in step}
    assert {"make quick", "make test", "make lint"} <= ran
    low, high = re.findall(r"3\.(\d+)", PROJECT["requires-python"])
    assert job["strategy"]["matrix"]["python"] == [f"3.{minor}" for minor in range(int(low), int(high))]


def test_the_linters_before_a_commit_are_those_of_make_lint() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    entries = [hook["entry"].removesuffix(" --force-exclude").removeprefix(".venv/bin/") for hook in hooks]
    lint = re.findall(r"\$\(VENV\)/bin/((?:ruff|mypy)[ \w]*)", (ROOT / "Makefile").read_text())
    assert {line.removesuffix(" --check").strip() for line in lint} == set(entries)
