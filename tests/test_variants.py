"""Variants that suites declare are variants like a method's own."""

from pathlib import Path

import pytest

from benchmark.files.errors import UserError
from benchmark.plan.catalog import catalog
from benchmark.plan.suite import Grid, Suite, cells
from benchmark.plan.variants import resolved

OWN = {"tr": {"default": {"dim": 64, "lr": 1e-3}, "large": {"dim": 256, "lr": 1e-3}}}


def written(folder: Path, text: str) -> Path:
    (folder / "mine.toml").write_text(text)
    return folder


def variant(method: str = "tr", name: str = "small", config: str = "{ dim = 8 }") -> str:
    return f'title = ""\nseeds = 1\n[[variant]]\nmethod = "{method}"\nname = "{name}"\nconfig = {config}\n'


def test_a_variant_is_the_default_with_changes(tmp_path: Path) -> None:
    assert resolved(OWN, written(tmp_path, variant())) == {"tr": {"small": {"dim": 8, "lr": 1e-3}}}


def test_two_suites_may_declare_the_same(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text(variant())
    assert list(resolved(OWN, written(tmp_path, variant()))["tr"]) == ["small"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (variant(method="tt"), "no method named 'tt'"),
        (variant(config="{ dims = 8 }"), "did you mean 'dim'"),
        (variant(name="large"), "another variant named large"),
        (variant(name="../x"), "method, name and config"),
        (variant(config='{ dim = "8" }'), "not a int"),
        ('[[variant]]\nmethod = "tr"\n', "method, name and config"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        resolved(OWN, written(tmp_path, text))


def test_the_catalog_has_them() -> None:
    methods, _ = catalog()
    assert methods["tr"].configs["dim8"] == methods["tr"].configs["default"] | {"dim": 8}


def test_a_method_whose_file_is_broken_breaks_no_other(tmp_path: Path) -> None:
    assert resolved(OWN, written(tmp_path, variant(method="broken")), lenient=True) == {}


def test_what_another_suite_declares_is_meant_by_its_name_alone() -> None:
    methods, _ = catalog()

    def variants(suite: str, pattern: str) -> set[str]:
        grid = Grid(datasets=("synthetic",), methods=("tr",), variants=(pattern,))
        return {cell.variant for cell in cells(Suite(suite, "", 1, (grid,)), methods)}

    assert variants("quick", "*") == {"default", "large"}
    assert variants("quick", "dim8") == {"dim8"}
    assert {"default", "large", "dim8", "dim16"} <= variants("tweaks", "*")
