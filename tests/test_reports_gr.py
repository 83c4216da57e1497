"""GR in the report: does it beat the others, what its presets and decoders do, figures from what its cells leave."""

import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from scipy.stats import entropy, spearmanr

from benchmark.files.errors import UserError
from benchmark.records.record import Cost, Curve, Record
from reports.model.board import Board
from reports.model.papers import papers
from reports.model.supplements import supplements
from reports.plots.insides import KINDS
from reports.render import Report, gather, write
from reports.sections.distributions import section
from tests import fake_noise, pages
from tests.fake_noise import save_noise
from tests.fake_records import record, save, save_arrays, seeds
from tests.pages import keys, section_of

PAPER = papers()["GR"]
COLUMN = "KuaiRec (watch time)"
PROTOCOL = {"split": "random 8:1:1 by row, split seed 0", "batch": 1024, "epochs": 20}
FIVE = {"default": 3.40, "paper": 3.60, "code": 3.50, "paper-soft": 3.55, "argmax": 3.45, "no-clem": 3.7,
        "em-tf": 3.42, "no-em": 3.41}  # fmt: skip
TWO = {"large": 3.39, "manual": 3.46, "binary": 3.44, "linear": 3.41, "exponential": 3.42, "p-half": 3.4, "p-zero": 3.6,
       "q95": 3.5, "q85": 3.4, "q80": 3.41, "decay98-q95": 3.5, "decay98-q90": 3.4, "decay98-q85": 3.43,
       "decay98-q80": 3.45, "rnn": 3.6, "gru": 3.41, "transformer": 3.3, "end25": 3.55, "end50": 3.5, "end75": 3.38,
       "window10": 3.5, "window20": 3.48, "window30": 3.46, "window40": 3.44, "window60": 3.38, "window-all": 3.47,
       "shortest": 3.42, "tolerance": 3.4, "seconds": 3.9, "deviation": 3.5, "end100": 3.45,
       "monotone": 3.4, "beam": 3.39}  # fmt: skip
OTHERS = {("tr", "default"): 3.55, ("tpm", "default"): 3.52, ("cread", "default"): 3.401, ("boosting", "default"): 3.6,
          ("boosting", "absolute"): 3.2}  # fmt: skip
FIGURES = [f"gr-{word}-kuairec.svg" for word in ("decoders", "embedded", "neighbours", "omega", "schedules", "tokens",
           "window")]  # fmt: skip


def told_of(seed: int) -> dict[str, float]:
    return {"tokens": 40.0, "mean_length": 4.0, "mean_predicted_length": 2.9 + 0.1 * seed, "ended": 1.0,
            "first_right": 0.25, "first_near": 0.5}  # fmt: skip


def cost(seconds: float, parameters: int = 800_000) -> Cost:
    return Cost(30.0, 10_000.0, parameters, 700.0, seconds, "cpu", 5)


def gr(variant: str, seed: int, mae: float, **changes: Any) -> Record:
    made: dict[str, Any] = {
        "noise": 0.001, "inside": told_of(seed), "protocol": PROTOCOL, "cost": cost(24.0),
        "curve": Curve([3.5] * 9, [1.0] * 9, 4 + 2 * (seed % 2), True),
        "config": {"decoder": "transformer" if variant == "code" else "lstm", "hidden": [256, 128] if variant == "code"
                   else [64, 64], "lr": 0.0005 if variant == "paper" else 0.001},
    }  # fmt: skip
    return record("kuairec", "gr", variant, seed, mae=mae, rmse=3 * mae, **(made | changes))


def cells() -> list[Record]:
    found = [gr(v, s, mae) for group, n in ((FIVE, 5), (TWO, 2)) for v, mae in group.items() for s in range(n)]
    for (method, variant), mae in OTHERS.items():
        found += seeds(
            dataset="kuairec", method=method, variant=variant, mae=mae, rmse=9.0, noise=0.001, protocol=PROTOCOL,
            cost=cost(2.0 if method == "tr" else 4.0),
        )  # fmt: skip
    return found


RECORDS = cells()
COUNTS = np.array([50, 60, 20, 10, 9, 1, 0])  # EOS, then six tokens: 60 % of 100 are the first's


def arrays(place: int = 0) -> dict[str, np.ndarray]:
    """What `methods/gr/inside.py` leaves, made up: six tokens, sixty values in three groups far apart on the map."""
    rng = np.random.default_rng(place)
    near = np.full((6, 11), np.nan)
    for token in range(5):  # the last never occurs
        for other in range(6):
            if abs(other - token) <= 5:
                near[token, 5 + other - token] = 0.4 if other == token else 0.1
    near[3, 6] = 0.5  # of one token the next is likelier
    first = np.repeat([1.0, 2.0, 5.0], 20)
    points = np.stack([10 * first, np.zeros(60)], 1) + 0.01 * rng.normal(size=(60, 2))
    progress = np.linspace(0, 1, 101)
    return {
        "value": np.array([60.0, 30.0, 10.0, 5.0, 2.0, 1.0]), "count": COUNTS,
        "predicted": np.array([50, 80, 20, 0, 0, 0, 0]), "neighbours": near.astype(np.float32),
        "embedded": np.column_stack([points, first, 60 / first]).astype(np.float32),
        "schedule": np.stack([progress, np.maximum(1 - progress / (0.25 * (1 + place)), 0)]),
    }  # fmt: skip


def save_all_arrays(runs: Path, found: list[Record], variants: tuple[str, ...] = ()) -> None:
    for place, variant in enumerate(("end25", "end50", "end75", "end100", "linear", "exponential", "manual", "binary",
                                     "paper", "code", "default")):  # fmt: skip
        if not variants or variant in variants:
            first = next(r for r in found if (r.method, r.variant, r.seed) == ("gr", variant, 0))
            save_arrays(runs, first, **arrays(place))


def resampled(found: list[Record]) -> Any:
    return fake_noise.resampled(found, users=0.05, pairs=0.005, seeds=0.001)


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    runs = save(tmp_path_factory.mktemp("gr") / "runs", *RECORDS)
    save_noise(runs, resampled(RECORDS))
    save_all_arrays(runs, RECORDS)
    return runs


@pytest.fixture(scope="module")
def report(runs) -> Report:
    return gather(runs)


def part(report: Report, key: str, column: str = COLUMN) -> str:
    """What a section of the paper's page says of a dataset beside its tables."""
    return pages.lines(section_of(report, "paper-gr", key), column)


def rows(report: Report, key: str, column: str = COLUMN) -> list[dict[str, str]]:
    (found,) = (p for p in section_of(report, "paper-gr", key).parts if p.title == column)
    return pages.rows(found.tables[0], marks=False)


def files(report: Report) -> set[str]:
    return {picture.file for picture in report.pictures}


# --- tables


def test_every_variant_of_the_method_has_a_row_and_every_row_a_variant():
    from methods.gr.config import VARIANTS

    printed = {row.variant for t in PAPER.tables for row in t.rows if row.method == "gr"}
    beside = {row.variant for supplement in supplements(PAPER) for row in supplement.rows if row.method in ("", "gr")}
    assert printed | beside == {"default", *VARIANTS}


def test_studies_are_of_known_kinds_and_one_kind_stands_in_one_study():
    pictures = [word for supplement in supplements(PAPER) for word in supplement.pictures]
    keys = [supplement.key for supplement in supplements(PAPER)]
    assert set(pictures) <= set(KINDS) and len(set(pictures) | set(keys)) + pictures.count("schedules") == len(
        pictures
    ) + len(keys)


@pytest.mark.parametrize("number", ["4", "5", "8"])
def test_a_table_of_variants_has_the_papers_rows_and_fills(report, number):
    found = rows(report, f"table-{number}")
    assert [row["method"] for row in found] == [row.name for row in PAPER.table(number).rows]
    assert all(re.match(r"\d\.\d{3} ± ", row["MAE ↓"]) for row in found)
    assert {row["seeds"] for row in found} <= {"2", "5"}


def test_tables_2_and_7_stand_in_sections_of_their_own(report):
    assert [row["MAE ↓"][:4] for row in rows(report, "table-2")][-1] == "3.40"
    seven = {row["method"]: row for row in rows(report, "table-7")}
    assert seven["GR"]["parameters"] == "0.80M" and seven["GR"]["GR"] and seven["VR-large"]["MAE ↓"] == "not run"


def test_ablations_on_another_dataset_stand_beside_the_papers_first_column(tmp_path):
    found = [r for v in ("default", "no-clem", "em-tf", "no-em") for r in seeds(method="gr", variant=v, mae=20.0)]
    report = gather(save(tmp_path, *found))
    five = {row["method"]: row for row in rows(report, "table-5", column="KuaiRand-Pure")}
    assert five["w/o CLEM"]["GR"] == "0.584" and five["w/o CLEM"]["verdict"] == "not comparable (other data)"
    assert five["linear"]["MAE ↓"] == "not run" and "Δ" not in five["GR"]
    assert "Against GR, MAE: " in part(report, "table-5", column="KuaiRand-Pure")
    assert rows(report, "table-2", column="KuaiRand-Pure")[-1]["MAE ↓"].startswith("19.997 ± ")
    assert "Label-only constants" not in part(report, "table-2", column="KuaiRand-Pure")
    assert "**KuaiRand-Pure**" not in pages.lines(section_of(report, "paper-gr", "missing"))
    assert not {"embeddings", "frequencies", "decoders", "schedules", "omega", "window"} & set(keys(report, "paper-gr"))


def test_runs_without_the_early_stop_have_a_table_of_their_own(tmp_path):
    unstopped = [*seeds(dataset="kuairec@unstopped", method="gr", mae=3.3, noise=0)]
    for v in ("no-clem", "em-tf", "no-em", "paper", "paper-soft"):
        unstopped += seeds(dataset="kuairec@unstopped", method="gr", variant=v, mae=3.5, noise=0)
    report = gather(save(tmp_path, *seeds(dataset="kuairec", method="gr", mae=3.4), *unstopped))
    found = {row["variant"]: row["MAE ↓"][:3] for row in rows(report, "unstopped")}
    assert found["GR"] == "3.3" and found["w/o CLEM"] == "3.5" and found["VR"] == "not"
    assert [page.name for page in report.pages if page.name.startswith("board")] == ["board-kuairec"]


# --- does it beat the others


def test_each_reading_is_held_against_each_rival(report):
    """A pair's noise is 0.005 s with seeds: 0.001 s is not told apart, 0.1 s is."""
    title = "beats"
    found = {(row["metric"], row["variant"]): row for row in rows(report, title)}
    first = found["MAE ↓", "GR"]
    assert first["against VR"].startswith("better (-0.1") and first["against CREAD"].startswith(
        "not told apart (+0.000"
    )
    assert first["against boosted trees"].startswith("better (-0.199")
    assert first["against boosted trees (absolute error)"].startswith("worse (+0.2")
    assert found["MAE ↓", "GR (paper)"]["against VR"].startswith("worse (+0.05")
    assert len(found) == 9
    words = part(report, title)
    (mae,) = (line for line in words.splitlines() if line.startswith("MAE: "))
    mine, papers_, _ = mae.split(";")
    assert re.search(r"beats VR, TPM and boosted trees, .* CREAD, loses to .*absolute", mine)
    assert re.search(r"apart from boosted trees, loses to VR, TPM, CREAD and .*absolute", papers_)
    assert all(f"{name} in none" in words for name in ("GR", "GR (paper)", "GR (code)"))
    assert "XAUC: GR is not told apart from any of them;" in words and "users and seeds drawn again" in words


def test_one_that_beats_all_is_said_to_and_rivals_without_numbers_are_named(tmp_path):
    found = [*(gr("default", s, 2.0) for s in range(5)), *seeds(dataset="kuairec", method="tr", mae=3.0, noise=0.01)]
    words = part(gather(save(tmp_path, *found)), "beats")
    assert "Ahead of each of VR beyond noise: GR in MAE and RMSE, of MAE, RMSE and XAUC." in words
    assert "by the spread of seeds alone" in words
    assert "Without numbers here: GR (paper), GR (code), WLR, D2Q, TPM, CREAD, boosted trees, boosted" in words


def test_a_reading_with_fewer_seeds_says_so(tmp_path):
    found = [*(gr(v, s, 2.0) for v, n in (("default", 5), ("code", 2)) for s in range(n)),
             *seeds(dataset="kuairec", method="tr", mae=3.0)]  # fmt: skip
    report = gather(save(tmp_path, *found))
    shown = {row["variant"]: row["seeds"] for row in rows(report, "beats")}
    assert shown == {"GR": "5", "GR (code)": "2"}
    assert "Two seeds hardly show their spread" in part(report, "beats")


def test_without_the_method_or_without_a_rival_nothing_is_said(tmp_path):
    for place, found in enumerate(([gr("default", 0, 3.0)], seeds(dataset="kuairec", method="tr"))):
        assert "beats" not in keys(gather(save(tmp_path / str(place), *found)), "paper-gr")


# --- presets, costs, what is generated


def test_presets_say_in_what_they_differ(report):
    found = {row["variant"]: row for row in rows(report, "presets")}
    assert found["GR"]["differs from the default in"] == found["argmax"]["differs from the default in"] == "–"
    assert found["code"]["differs from the default in"] == "decoder transformer, hidden 256 128"
    assert found["paper"]["differs from the default in"] == "lr 0.0005" and found["paper"]["parameters"] == "800,000"
    assert found["large"]["seeds"] == "2"


def test_the_column_of_complexity_is_measured(report):
    """VR takes 2 s, GR 24 s. d = 40 + 1, t = 3.1 + 1 over five seeds."""
    found = {row["variant"]: row for row in rows(report, "complexity")}
    assert [found[name]["× VR"] for name in ("VR", "TPM", "GR")] == ["1.0", "2.0", "12.0"]
    assert [found[name]["GR's Table 1"] for name in ("VR", "CREAD", "GR")] == ["O(m)", "O(mn)", "O(mdt)"]
    assert f"GR d = 41, t = 4.1, so {41 * 4.1:.0f} times, measured 12.0" in part(report, "complexity")


def test_what_is_generated_is_shown_with_its_spread(report):
    found = rows(report, "generated")
    assert found[0]["predicted length"] == "3.10 ± 0.16" and found[0]["first token right (%)"] == "25.0 ± 0.0"
    assert {row["seeds"] for row in rows(report, "vocabularies")} == {"2", "5"}


def test_sweeps_lead_somewhere_or_not(report):
    window = part(report, "window")
    assert "Against 50, MAE: " in window and "Kendall's τ between window (%) and the metric" in window
    assert {row["window (%)"]: row["seeds"] for row in rows(report, "window")}["all"] == "2"
    assert "[95 % interval]: MAE -1.00 [-1.00, -" in window
    assert "[95 % interval]: MAE -0.40 [" in part(report, "omega")  # 3.55, 3.40, 3.50, 3.38, 3.45
    assert re.search(r"Against LSTM, MAE: better: Transformer \(-0\.(099|100|101)\);", part(report, "decoders"))


# --- figures


def test_figures_are_drawn_linked_small_and_the_same_bytes_again(tmp_path):
    for name in ("one", "two"):
        again = save(tmp_path / name, *reversed(RECORDS))
        save_all_arrays(again, RECORDS)
    write(tmp_path / "one")
    figures = tmp_path / "one" / "figures"
    assert sorted(p.name for p in figures.iterdir()) == ["cost-kuairec.svg", "field.svg", *FIGURES]
    text = (tmp_path / "one" / "pages" / "paper-gr.md").read_text(encoding="utf-8")
    for name in FIGURES:
        svg = (figures / name).read_bytes()
        assert len(svg) < 150_000 and svg.count(b"<svg") == 1 and b"dc:date" not in svg
        assert len(re.findall(rf"^!\[[^]]+\]\(\.\./figures/{name}\)$", text, flags=re.M)) == 1, name
    for picture in gather(tmp_path / "two").pictures:
        if picture.file in FIGURES[:2]:
            assert (figures / picture.file).read_text(encoding="utf-8").startswith(picture.draw().rstrip("\n"))


def test_without_arrays_there_are_no_figures_from_them(tmp_path):
    report = gather(save(tmp_path, *RECORDS))
    drawn = {f"gr-{word}-kuairec.svg" for word in ("decoders", "omega", "window")}
    assert files(report) == drawn | {"cost-kuairec.svg", "field.svg"}
    assert not {"embeddings", "frequencies", "schedules"} & set(keys(report, "paper-gr"))
    missing = pages.lines(section_of(report, "paper-gr", "missing"))
    assert all(word in missing for word in ("Figure 3", "Figure 4", "Figure 6 (a)", "Table 7 at one size"))


def test_a_figure_of_half_its_rows_is_not_shown(tmp_path):
    runs = save(tmp_path, *RECORDS)
    save_all_arrays(runs, RECORDS, ("default", "linear", "binary"))
    found = files(gather(runs))
    assert "gr-tokens-kuairec.svg" in found and not {"gr-schedules-kuairec.svg", "gr-embedded-kuairec.svg"} & found


def test_damaged_arrays_are_named_with_what_to_do(tmp_path):
    found = [gr("default", s, 3.4) for s in range(2)]
    path = save_arrays(save(tmp_path, *found), found[0], **arrays())
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match=r"gr/default/0\.npz cannot be read as arrays .*: delete it .* --rerun all"):
        write(tmp_path)


# --- what is said below them


def test_frequencies_are_counted_by_hand(report):
    """Of 100 tokens 60, 20, 10, 9, 1 and 0: three make up 90 %; 1 and 0 are below a tenth of 16.7."""
    words = part(report, "frequencies")
    each = "3 of 6, the first alone 60 %"
    assert f"make up 90 % of all occurrences: Manual {each}; Binary {each}; Dynamic quantile {each}." in words
    assert "tenth of an even share: Manual 2 of 6;" in words
    even = 100 * np.exp(entropy(COUNTS[1:])) / 6
    assert f"the most even first: Manual {even:.0f} %, Binary" in words
    assert "give to other tokens than the true ones do: Manual 20 %;" in words  # 80 and 20 of 100 against 60 and 20


def test_even_tokens_are_all_used_and_the_evener_vocabulary_comes_first():
    even = {"count": np.array([3, 5, 5, 5, 5]), "predicted": np.array([0, 1, 1, 1, 1]), "value": np.arange(4.0)}
    lone = even | {"count": np.array([3, 20, 0, 0, 0])}
    covering, scarce, order, off = KINDS["tokens"].tell({"lone": lone, "even": even})
    assert covering.endswith(": lone 1 of 4, the first alone 100 %; even 4 of 4, the first alone 25 %.")
    assert scarce.endswith(": lone 3 of 4; even 0 of 4.")
    assert order.endswith(": even 100 %, lone 25 %.") and off.endswith(": lone 75 %; even 0 %.")


def test_a_full_map_of_three_rows_stays_small():
    rng = np.random.default_rng(0)
    rows_ = np.column_stack([rng.normal(size=(400, 2)), rng.integers(1, 40, 400), rng.random(400)]).astype(np.float32)
    svg = KINDS["embedded"].draw({name: {"embedded": rows_} for name in ("GR", "paper", "code")}, "title")
    assert len(svg) < 150_000
    near = {"neighbours": rng.random((60, 11)), "count": rng.integers(0, 99, 61)}
    assert len(KINDS["neighbours"].draw(dict.fromkeys(("GR", "paper", "code"), near), "title")) < 150_000


def test_nothing_occurs_where_all_labels_are_zero():
    none = {"count": np.array([9, 0, 0]), "predicted": np.array([9, 0, 0]), "value": np.array([2.0, 1.0])}
    assert all("nan" not in line for line in KINDS["tokens"].tell({"GR": none}))
    assert "<svg" in KINDS["tokens"].draw({"GR": none}, "title")
    near = {"neighbours": np.full((2, 11), np.nan, np.float32), "count": np.array([9, 0, 0])}
    assert list(KINDS["neighbours"].tell({"GR": near}))[1].endswith("GR 0 of 0.")
    assert "<svg" in KINDS["neighbours"].draw({"GR": near}, "title")


def test_neighbours_are_weighed_by_how_often_their_token_occurs(report):
    """Only the fourth token has a likelier neighbour, and the sixth never occurs."""
    words = part(report, "embeddings")
    near, weight = arrays()["neighbours"][:5], COUNTS[1:6]

    def at(offset: int) -> float:
        there = ~np.isnan(near[:, 5 + offset])
        return float(np.average(near[there, 5 + offset], weights=weight[there]))

    within = sum(w * sum(p for p in row if p == p) for w, row in zip(weight, near, strict=True)) / sum(weight)
    assert f"GR {at(0):.3f}, {(at(-1) + at(1)) / 2:.3f} and {within:.3f}" in words and at(0) == pytest.approx(0.4)
    assert "likelier than the true one: GR 1 of 5; GR (paper) 1 of 5; GR (code) 1 of 5." in words


def test_groups_apart_on_the_map_are_found(report):
    """Three groups of twenty with the first tokens 1, 2 and 5 at 10, 20 and 50."""
    words = part(report, "embeddings")
    assert "with the same first token: GR 100 % (by chance 33 %), GR (paper) 100 %" in words
    rho = spearmanr([1, 4, 3], [10, 40, 30]).statistic
    assert f"near tokens lie near): GR {rho:.2f}, GR (paper)" in words


def test_a_schedules_end_and_what_early_stopping_left_of_it_are_said(report):
    """Linear ones that end at 25, 50, ... %; the kept epochs are 4 and 6 of 20 in turn, over five seeds 4.8."""
    words = part(report, "schedules")
    assert "after this part of the longest possible run: end at 25 % (25 %), end at 50 % (50 %)" in words
    assert "linear (never, 0.20 in the end)" in words
    assert "end at 25 % (25 %, p 0.00), end at 50 % (25 %, p 0.50)" in words and "end at 100 % (25 %, p 0.75)" in words


def test_what_early_stopping_left_is_said_of_the_models_that_generate_too(report):
    words = part(report, "generated")
    assert "longest possible run (mean over seeds), where p is: GR (24 %, p " in words and "gr-schedules" not in words


def test_a_chart_of_variants_has_their_names_and_no_line(runs):
    (picture,) = [p for p in gather(runs).pictures if p.file == "gr-decoders-kuairec.svg"]
    assert picture.draw().count(">Transformer</text>") == 4 and "MAE, RMSE, XAUC and XGAUC against" in picture.alt


# --- predicted distributions


def calibrated(method: str, variant: str, seed: int, pinball: float, *held: float) -> Record:
    made = record(method=method, variant=variant, seed=seed)
    jitter = 0.001 * (seed - 1)
    values = zip(("coverage_50", "coverage_80", "coverage_90"), held, strict=True)
    made.metrics["test"].update(
        {"pinball": pinball + jitter, "pinball_rows": 8192.0} | {name: value + jitter for name, value in values}
    )
    return made


def test_distributions_are_ordered_and_judged(tmp_path):
    what = {
        ("gr", "default"): (5.0, 0.5, 0.8, 0.9), ("cqe", "default"): (5.001, 0.45, 0.75, 0.86),
        ("tpm", "default"): (6.0, 0.6, 0.9, 0.97), ("gr", "binary"): (4.0, 0.3, 0.5, 0.6),
    }  # fmt: skip
    found = section(Board([calibrated(*key, s, *values) for key, values in what.items() for s in range(3)]))
    assert found is not None
    (block,) = found.parts
    first, second = (pages.rows(table) for table in block.tables)
    assert [row["method"] for row in first] == ["GR", "cqe", "TPM"]
    assert [row["method"] for row in second] == ["GR (binary)"] and first[0]["seeds"] == "3"
    _, least, held, variants = block.lines
    assert re.search(r"GR .*5\.000: .* better than TPM; not told apart from cqe", least)
    assert "too narrow: cqe (45.0 for 50, 75.0 for 80, 86.0 for 90); too wide: TPM (60.0 for 50," in held
    assert held.endswith("as they should be, within noise: GR.") and "too narrow: GR (binary) (30.0 for 50" in variants
    (picture,) = block.pictures
    assert picture.file == "coverage-kuairand.svg" and picture.draw().count(">TPM</text>") == 1


def test_one_seed_has_the_noise_of_its_test_rows():
    found = section(Board([calibrated("gr", "default", 1, 5.0, 0.505, 0.8, 0.88)]))
    assert found is not None
    assert "too narrow: GR (88.0 for 90)" in found.parts[0].lines[1]  # 0.02 with an error of 0.0033; 0.005 with 0.0055


def test_the_defaults_are_shown_on_the_validation_rows_that_chose_them(tmp_path):
    """Not on the test rows, which stand elsewhere."""
    found = []
    for variant, valid in (("default", 3.25), ("seconds", 3.22), ("deviation", 3.4), ("end100", 3.3), ("argmax", 3.6)):
        for r in seeds(2, dataset="kuairec", method="gr", variant=variant, mae=9.0, noise=0):
            there = r.metrics["valid"] | {"mae": valid + 0.01 * r.seed}
            found.append(msgspec.structs.replace(r, metrics=r.metrics | {"valid": there}))
    table = rows(gather(save(tmp_path, *found)), "defaults")
    shown = {row["variant"]: row["MAE on validation rows ↓"] for row in table}
    assert next(iter(shown.values())) == "3.255 ± 0.007"
    assert shown["Huber in the label's unit"].startswith("3.225") and shown["at 50 %"] == "not run"
    assert not any("9.0" in text for text in shown.values())
