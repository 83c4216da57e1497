"""ProWTP in the report: every table with its seeds, its noise and its order; figures from what its cells leave."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from scipy.stats import ks_2samp, spearmanr, ttest_ind, wasserstein_distance

from benchmark.compare import portrait
from benchmark.compare.noise import Noise
from benchmark.compare.portrait import Portrait, portray
from benchmark.files.errors import UserError
from benchmark.records.record import Cost, Record
from benchmark.records.store import Store
from datasets.base import Table
from datasets.schema import Rows, Schema
from reports.evidence import differences
from reports.evidence.differences import Pair
from reports.model.board import Board
from reports.model.folder import digest
from reports.model.papers import papers
from reports.model.supplements import supplements
from reports.plots import stability
from reports.plots.insides import KINDS
from reports.render import Report, gather, write
from reports.sections.paper import comparison
from reports.sections.paper.ablation import lines, reference
from tests import fake_noise, pages
from tests.fake_noise import save_noise
from tests.fake_records import FACTS, record, save, save_arrays, seeds
from tests.pages import by, keys, section_of

PAPER = papers()["ProWTP"]
COLUMN = "KuaiRand-Pure"
RMSE = {  # of the variants of Tables 2, 3, 4 and 9
    "default": 40.0, "no_assign": 40.01, "no_compact": 40.5, "without": 42.0, "vqvae": 40.2, "kmeans": 40.4,
    "random": 40.6, "ot": 40.3, "uot": 40.7, "l2": 39.0, "no_alignment": 41.5, "plain_head": 42.01,
    "strong_alignment": 42.5, "cumulative_no_assign": 40.9, "cumulative_no_alignment": 41.4,
}  # fmt: skip
SWEEPS = {
    "k4": 40.8, "k8": 40.6, "k12": 40.4, "k16": 40.2, "k24": 39.9, "compact_10": 40.3, "compact_30": 39.9,
    "compact_50": 39.8, "compact_100": 39.7, "dcn": 39.5, "dcn_without": 41.0, "straight_through": 41.2,
    "straight_through_no_assign": 41.3, "literal": 46.0, "printed": 41.8,
    "linear_h": 39.6, "ratio": 41.6,
}  # fmt: skip
PROTOCOL = {"split": "random 6:2:2 by row, split seed 0", "batch": 512}
FIGURES = [f"prowtp-{word}-kuairand.svg" for word in ("confusion", "k", "map", "ratios", "weights")]


def cost(rows_per_second: float, replicas: int = 5) -> Cost:
    return Cost(30.0, rows_per_second, 800_000, 700.0, 2.0, "cpu", replicas)


def told_of(seed: int) -> dict[str, float]:
    return {"inactive": 0.014 + 0.001 * seed, "gap": 1e-6 * (1 + seed), "codes_used": 70.0 + seed, "perplexity": 50.0,
            "reconstruction": 0.0123}  # fmt: skip


def cells(variants: dict[str, float], count: int, speed: float = 10_240.0) -> list[Record]:
    return [
        record(method="prowtp", variant=v, seed=s, mae=rmse / 2, rmse=rmse, noise=0.01, inside=told_of(s),
               protocol=PROTOCOL, cost=cost(speed, count))
        for v, rmse in variants.items() for s in range(count)
    ]  # fmt: skip


def others() -> list[Record]:
    made = {"protocol": PROTOCOL, "cost": cost(51_200.0), "noise": 0.01}
    return [*seeds(method="tr", mae=21.0, rmse=42.0, **made), *seeds(method="d2q", mae=20.0, rmse=43.0, **made)]


RECORDS = [*others(), *cells(RMSE, 5), *cells(SWEEPS, 2)]


def arrays(place: int = 0, rows: int = 60) -> dict[str, np.ndarray]:
    """What `methods/prowtp/inside.py` leaves, made up."""
    rng = np.random.default_rng(place)
    alpha = rng.dirichlet(np.full(16, 0.2), 20).astype(np.float32)
    group, distance = np.repeat([0, 1, 2], rows), rng.random(3 * rows)
    error = distance * (1 + place) / 4 + 0.05 * rng.random(3 * rows)
    return {
        "alpha": alpha, "plan": np.eye(16, dtype=np.float32)[alpha.argmax(1)], "usage": rng.integers(0, 9, 16),
        "bins": np.linspace(0, 3, 61), "ratios": rng.integers(0, 90, (5, 60)), "sampled": rng.integers(0, 90, (5, 60)),
        "peaks": np.array([[b, theta, mu, 0.1] for b in range(5) for theta, mu in ((0.6, 0.1), (0.4, 1.0))]),
        "confusion": np.stack([group, error, distance], 1).astype(np.float32),
        "map": (rng.normal(size=(3 * rows, 2)) + 9 * group[:, None]).astype(np.float32),
    }  # fmt: skip


def save_all_arrays(runs: Path, found: list[Record]) -> None:
    """Beside the first seed of each variant that figures are drawn from; TR has no prototypes."""
    for place, variant in enumerate(("default", "without", "ot", "l2", "no_alignment")):
        first = next(r for r in found if (r.method, r.variant, r.seed) == ("prowtp", variant, 0))
        kept = arrays(place)
        names = ("confusion", "map") if variant == "without" else tuple(kept)
        save_arrays(runs, first, **{name: kept[name] for name in names})


def resampled(found: list[Record]) -> Noise:
    """With the bucket of errors that `fake_noise` gives every pair: 0.05 s."""
    return fake_noise.resampled(found, users=0.2, pairs=0.05)


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    runs = save(tmp_path_factory.mktemp("prowtp") / "runs", *RECORDS)
    save_noise(runs, resampled(RECORDS))
    save_all_arrays(runs, RECORDS)
    return runs


@pytest.fixture(scope="module")
def report(runs) -> Report:
    return gather(runs)


def part(report: Report, key: str, column: str = COLUMN) -> str:
    """What a section of the paper's page says of a dataset beside its tables."""
    return pages.lines(section_of(report, "paper-prowtp", key), column)


def rows(report: Report, key: str) -> list[dict[str, str]]:
    (found,) = (p for p in section_of(report, "paper-prowtp", key).parts if p.title == COLUMN)
    return pages.rows(found.tables[0], marks=False)


# --- the paper's tables


def test_every_variant_of_the_method_has_a_row_and_every_row_a_variant():
    from methods.prowtp.config import VARIANTS

    known = {"default", *VARIANTS}
    printed = {row.variant for t in PAPER.tables for row in t.rows if row.method == "prowtp"}
    beside = {row.variant for supplement in supplements(PAPER) for row in supplement.rows}
    assert printed | beside == known


@pytest.mark.parametrize("number", ["2", "3", "4", "5", "9"])
def test_a_table_of_variants_has_the_papers_rows(report, number):
    found = rows(report, f"table-{number}")
    assert [row["method"] for row in found] == [row.name for row in PAPER.table(number).rows]
    assert all(re.match(r"\d\d\.\d{3} ± ", row["RMSE ↓"]) for row in found)


def test_the_table_of_modules_ends_with_tr_in_the_methods_own_code(report):
    last = rows(report, "table-2")[-1]
    own = [r.metrics["test"]["rmse"] for r in RECORDS if (r.method, r.variant) == ("prowtp", "without")]
    assert last["method"] == "w/o ProWTP" and last["RMSE ↓"].startswith(f"{np.mean(own):.3f} ± ")


def test_a_row_says_its_seeds_where_a_table_has_one_with_fewer_than_five(report):
    found = {row["method"]: row["seeds"] for row in rows(report, "table-5")}
    assert found["TR"] == found["ProWTP, sample ratio 20%"] == "5"
    assert found["ProWTP, sample ratio 10%"] == found["ProWTP, sample ratio 100%"] == "2"
    assert "seeds" not in rows(report, "table-2")[0]
    swept = {row["K"]: row["seeds"] for row in rows(report, "k")}
    assert swept == {"4": "2", "8": "2", "12": "2", "16": "2", "20": "5", "24": "2", "w/o ProWTP": "5"}


def test_the_text_below_a_table_says_what_exceeds_noise_and_whether_the_order_holds(report):
    """UOT is 0.7 s worse than SUOT, L2 is 1 s better, w/o L_assign is 0.01 s worse: the noise of a pair is 0.05 s."""
    four, nine, two = (part(report, f"table-{n}") for n in "492")
    assert re.search(
        r"Against SUOT, RMSE: worse: OT \(\+0\.[23]\d\d\), UOT \(.*\) and w/o alignment \(\+1\.5\d\d\)\.", four
    )
    assert "beyond noise (Holm over the pairs): RMSE 6 of 6 hold; MAE" in four
    assert re.search(r"Against SUOT, RMSE: better: L2 distance \(-0\.99\d\); worse: w/o alignment", nine)
    assert "(Holm over the pairs): RMSE 2 of 3 hold, 1 reversed;" in nine
    assert re.search(r"; not told apart: ProWTP w/o L\\_assign \(\+0\.0\d\d\)\.", two)
    assert re.search(r"Against ProWTP, XAUC: none of 5 told apart, the farthest by 0\.000\d\.", two)
    for words in (four, nine, two):
        assert "Order of the rows, Kendall's τ with the paper's [95 % interval]: RMSE " in words
        assert "p < 0.05, by Holm over the rows of a line, users and seeds drawn again." in words


def test_the_rows_are_compared_with_the_default_of_the_method_that_most_of_them_are_of():
    names = ["ProWTP", "HVQ-VAE", "SUOT", "ProWTP, sample ratio 20%", "SUOT"]
    assert [reference(PAPER.table(number)).name for number in "23459"] == names
    assert reference(papers()["GR"].table("4")).name == "Dynamic quantile"


def test_rows_that_were_not_resampled_are_judged_by_their_seeds_and_named():
    made = resampled([r for r in RECORDS if r.variant != "ot"])
    text = "\n".join(lines(Board(RECORDS, noise={"kuairand": made}), PAPER, PAPER.table("4"), COLUMN))
    assert "users and seeds drawn again; by the spread of seeds alone, for want of resampling: OT." in text
    text = "\n".join(lines(Board(RECORDS), PAPER, PAPER.table("4"), COLUMN))
    assert "by the spread of seeds alone: the test rows were not resampled for these rows." in text
    assert re.search(r"RMSE: worse: OT \(\+0\.\d+\)", text)  # 0.3 s, and seeds that spread by 0.01 s


def test_a_difference_by_seeds_is_welchs_test():
    values = {"ot": [40.0, 40.1, 40.3], "uot": [40.2, 40.4, 40.35]}
    made = ((v, seed, x) for v, xs in values.items() for seed, x in enumerate(xs))
    board = Board([record(method="prowtp", variant=v, seed=s, metrics={"test": {"rmse": x}}) for v, s, x in made])
    a, b = (board.get("kuairand", "prowtp", variant) for variant in values)
    assert a and b
    (gap,) = differences._gaps(board, "kuairand", [Pair("OT", a, "UOT", b)], "rmse")
    assert gap.found and gap.found.p == pytest.approx(ttest_ind(*values.values(), equal_var=False).pvalue)


def test_one_seed_is_not_judged():
    found = [*cells({"default": 40.0}, 5), record(method="prowtp", variant="ot", rmse=50.0)]
    text = "\n".join(lines(Board(found), PAPER, PAPER.table("4"), COLUMN))
    assert re.search(r"Against SUOT, RMSE: one seed only: OT \(\+", text)
    assert "RMSE 0 of 1 hold, 1 open" in text


def test_pairs_of_rows_are_counted_against_the_papers_order():
    ours = {"default": 40.0, "ot": 41.0, "uot": 40.5, "no_alignment": 40.5}
    board = Board(cells(ours, 5))
    entries = [e for v in ours if (e := board.get("kuairand", "prowtp", v))]
    theirs = dict(zip(entries, (1.0, 2.0, 3.0, 4.0), strict=True))
    assert differences.pairwise(board, "kuairand", theirs, "rmse") == "3 of 6 hold, 2 reversed, 1 open"
    assert differences.pairwise(board, "kuairand", dict.fromkeys(entries, 1.0), "rmse") == ""


def test_costs_of_a_batch_are_one_seeds_share_beside_the_papers_and_state_the_replicas(report):
    """512 rows: 0.05 s at 10,240 rows a second and 0.01 s at 51,200; 0.00102 s at 2 s for a million."""
    found = {row["method"]: row for row in rows(report, "table-5")}
    assert [found[m]["train s/batch"] for m in ("TR", "ProWTP, sample ratio 20%")] == ["0.01", "0.05"]
    assert found["TR"]["predict s/batch"] == "0.00102"
    assert [found[f"ProWTP, sample ratio {share}%"]["replicas together"] for share in (10, 20)] == ["2", "5"]
    assert found["TR"]["verdict"] == "not comparable (other data)"
    words = part(report, "table-5")
    assert "a ratio of two may be off by a factor of three" in words
    assert "Our seconds are of a batch of 512 rows on cpu, one seed's share of what its group takes" in words
    assert "the paper's numbers are of WeChat" in words and "on an RTX 4090" in words


def test_costs_without_a_known_batch_are_not_made_up():
    found = [*others(), *(record(method="prowtp", variant="compact_10", seed=s) for s in range(2))]
    shown = by(comparison.table(Board(found), PAPER, PAPER.table("5"), COLUMN), "method")
    made = [shown[m]["train s/batch"] for m in ("TR", "ProWTP, sample ratio 10%", "ProWTP, sample ratio 0%")]
    assert made == ["0.01", "–", "not run"]


# --- what stands beside the tables


def test_a_sweep_is_compared_with_the_default_and_says_whether_it_leads_anywhere(report):
    words = part(report, "k")
    assert re.search(r"Against 20, RMSE: worse: 16 \(\+0\.[12]\d\d\), 12 ", words)
    assert "Two seeds hardly show their spread" in words
    assert "Two seeds" not in part(report, "table-2")
    assert re.search(r"Kendall's τ between K and the metric .*: RMSE -1\.00 \[-1\.00, -0\.\d\d\], MAE", words)


def test_each_backbone_is_compared_with_itself_alone(report):
    words = part(report, "backbones")
    assert re.search(r"Against MLP, RMSE: better: MLP \+ ProWTP \(-2\.0\d\d\)\.", words)
    assert re.search(r"Against DCN, RMSE: better: DCN \+ ProWTP \(-1\.5\d\d\)\.", words)


def test_what_the_stages_leave_is_shown_by_variant(report):
    found = {row["variant"]: row for row in rows(report, "stages")}
    first = found["ProWTP"]
    assert first["codes used"] == "72.0 ± 1.6" and first["inactive outputs (%)"] == "1.60 ± 0.16"
    assert first["worst gap"] == "5e-06"  # of seed 4
    assert found["T alone (literal)"]["seeds"] == "2" and found["T alone (literal)"]["worst gap"] == "2e-06"


def test_readings_stand_together(report):
    found = rows(report, "readings")
    assert [row["variant"].partition(" ")[0] for row in found] == ["alpha", "T", "T", "T", "every", "h", "the"]
    assert all(row["RMSE ↓"][0].isdigit() for row in found)


def test_each_part_is_two_rows_that_differ_in_it_with_interval_and_word(report):
    """The head helps by 0.5 s, and by 2 s where both are aligned; alignment by 1.5 s, 0.8 s and not at all; prototypes
    of labels by 0.6 s where there is alignment, and not where there is none: the noise of a pair is 0.05 s."""
    found = {(row["part"], row["with"]): row["RMSE ↓"] for row in rows(report, "parts")}
    head, aligned = "head of prototypes", "head of prototypes, aligned"
    for with_, part_, expected, word in (
        (head, "the head", -0.5, "better"), (aligned, "the head", -2.01, "better"),
        (aligned, "the alignment", -1.5, "better"), ("plain head, aligned", "the alignment", 0.01, "not told apart"),
        ("head of random prototypes, aligned", "the alignment", -0.8, "better"),
        (aligned, "the prototypes", -0.6, "better"), (aligned, "all of it", -2.0, "better"),
    ):  # fmt: skip
        said, value, low, high = re.fullmatch(
            r"(.*): ([+-]\d+\.\d+) \[([+-]\d+\.\d+), ([+-]\d+\.\d+)\]", found[part_, with_]
        ).groups()
        assert said == word and float(value) == pytest.approx(expected, abs=0.05)
        assert float(low) < float(value) < float(high)
    words = part(report, "parts")
    assert (
        "The alignment: MAE " in words and "RMSE better in 2 of 3 and not told apart in 1 of 3; XAUC not told" in words
    )
    assert "on this data: the head, the alignment, the prototypes and all of it in some metric; the alignment," in words
    assert "the alignment, a hundred times as strong in none, and harm in some." in words
    assert "in brackets its 95 % interval by itself. Better and worse are beyond noise: p < 0.05, by Holm" in words


def test_a_part_that_helps_nowhere_is_said_so(tmp_path):
    found = cells({"default": 43.0, "no_alignment": 42.0, "without": 42.0}, 5)
    save(tmp_path, *found)
    save_noise(tmp_path, resampled(found))
    report = gather(tmp_path)
    assert [row["part"] for row in rows(report, "parts")] == ["the head", "the alignment", "all of it"]
    assert (
        "Helpful beyond noise on this data: the alignment and all of it in none, and harm in some; the head in none "
        "that is told apart from noise." in part(report, "parts")
    )
    assert "Without numbers here: plain head, aligned, head of prototypes, aligned a hundred times" in part(
        report, "parts"
    )


def test_the_staircase_of_table_2_compares_each_row_with_the_one_above(report):
    words = part(report, "cumulative")
    assert re.search(r"Against w/o HVQ-VAE, RMSE: worse: further w/o L\\_assign \(\+0\.[23]\d\d\)\.", words)
    assert re.search(r"Against further w/o L\\_assign, RMSE: worse: further w/o L\\_compact, hence w/o SUOT ", words)


def test_a_section_needs_most_of_its_records_and_is_else_named_as_missing(tmp_path):
    save(tmp_path, *cells({"default": 40.0, "k4": 41.0, "k8": 41.0}, 2))
    first = gather(tmp_path)
    assert not {"k", "backbones"} & set(keys(first, "paper-prowtp"))
    missing = pages.lines(section_of(first, "paper-prowtp", "missing"))
    assert all(word in missing for word in ("Figure 3", "Figures 7 and 8", "Figure 10", "Figure 11", "backbone"))
    save(tmp_path, *cells({"k12": 41.0}, 2))
    second = gather(tmp_path)
    assert [row["RMSE ↓"] for row in rows(second, "k")][3] == "not run"
    assert "Figure 3" not in pages.lines(section_of(second, "paper-prowtp", "missing"))


# --- figures


def files(report: Report) -> set[str]:
    return {picture.file for picture in report.pictures}


def test_figures_are_drawn_linked_small_and_the_same_bytes_again(tmp_path):
    for name in ("one", "two"):
        again = save(tmp_path / name, *reversed(RECORDS))
        save_noise(again, resampled(RECORDS))
        save_all_arrays(again, RECORDS)
    write(tmp_path / "one")
    figures = tmp_path / "one" / "figures"
    assert sorted(p.name for p in figures.iterdir()) == ["cost-kuairand.svg", "field.svg", *FIGURES]
    text = (tmp_path / "one" / "pages" / "paper-prowtp.md").read_text(encoding="utf-8")
    for name in FIGURES:
        svg = (figures / name).read_bytes()
        assert len(svg) < 150_000 and svg.count(b"<svg") == 1 and b"dc:date" not in svg
        assert len(re.findall(rf"^!\[[^]]+\]\(\.\./figures/{name}\)$", text, flags=re.M)) == 1, name
    for picture in gather(tmp_path / "two").pictures:
        if picture.file in FIGURES[:2]:
            assert (figures / picture.file).read_text(encoding="utf-8").startswith(picture.draw().rstrip("\n"))


def test_without_arrays_there_are_no_figures_from_them(tmp_path):
    report = gather(save(tmp_path, *RECORDS))
    assert files(report) == {"cost-kuairand.svg", "field.svg", "prowtp-k-kuairand.svg"}
    assert not {"weights", "ratios", "confusion"} & set(keys(report, "paper-prowtp"))


def test_arrays_of_a_stale_cell_are_not_shown(runs):
    found = files(gather(runs, {f"kuairand/prowtp/default/{seed}": "code moved" for seed in range(5)}))
    assert not {"prowtp-ratios-kuairand.svg", "prowtp-confusion-kuairand.svg"} & found
    assert "prowtp-weights-kuairand.svg" in found  # of three variants out of four


def test_the_digest_moves_with_the_arrays(tmp_path):
    runs = save(tmp_path, *cells({"default": 40.0}, 1))
    before = digest(runs)
    save_arrays(runs, record(method="prowtp", seed=0), **arrays())
    assert digest(runs) != before


@pytest.mark.parametrize("damage", ["truncated", "empty", "other"])
def test_damaged_arrays_are_named_with_what_to_do(tmp_path, damage):
    found = cells({"default": 40.0}, 2)
    path = save_arrays(save(tmp_path, *found), found[0], **arrays())
    data = path.read_bytes()
    path.write_bytes({"truncated": data[: len(data) // 2], "empty": b"", "other": b"no arrays"}[damage])
    again = r"--only kuairand/prowtp/default --suite .* --rerun all"
    message = r"prowtp/default/0\.npz cannot be read as arrays .*: delete it .*" + again
    with pytest.raises(UserError, match=message):
        write(tmp_path)
    assert not (tmp_path / "RESULTS.md").exists()


def test_the_text_below_a_figure_is_what_its_arrays_say(report):
    error, distance = arrays(1)["confusion"][:, 1:].T  # of TR
    confused = part(report, "confusion")
    within = ", ".join(f"{spearmanr(error[i : i + 60], distance[i : i + 60]).statistic:.2f}" for i in (0, 60, 120))
    assert f"Spearman's ρ within the groups, least watch ratios first: TR {within}; ProWTP " in confused
    assert f"Errors above 0.3, in watch ratio: TR {100 * (error > 0.3).mean():.0f} % of 180; ProWTP" in confused
    assert "of the same group: TR 100 % (by chance 3" in confused  # the made-up groups lie far apart
    assert "Means of the peaks (their weights), shortest durations first: 0.10 (0.60), 1.00 (0.40);" in part(
        report, "ratios"
    )


def test_weights_on_one_prototype_are_shared_by_one_and_even_ones_by_all():
    shown = {"a": {"alpha": np.eye(8)[[1, 2]], "plan": np.full((2, 8), 1 / 8)}, "b": {"alpha": np.full((3, 8), 1 / 8)}}
    (line,) = KINDS["weights"].tell(shown)
    assert line.endswith("all 8 at most): a 1.0, its plan 8.0; b 8.0.")


def test_histograms_alike_have_no_area_between_them_and_those_apart_all():
    counts = np.array([[8, 0, 0, 2], [4, 4, 0, 0]])
    shown = {"bins": np.array([0.0, 1.0, 2.0, 3.0, 4.0]), "peaks": np.array([[0, 1.0, 0.5, 0.1], [1, 1.0, 0.7, 0.1]])}
    (line, _) = KINDS["ratios"].tell({"ProWTP": shown | {"ratios": counts, "sampled": counts[:, ::-1] * [[1], [3]]}})
    assert line.endswith(": 0.60, 1.00.")
    (line, _) = KINDS["ratios"].tell({"ProWTP": shown | {"ratios": counts, "sampled": 7 * counts}})
    assert line.endswith(": 0.00, 0.00.")


def test_a_constant_has_no_correlation_and_a_large_panel_is_thinned(tmp_path):
    many = arrays(rows=2000)
    many["confusion"][:, 2] = 1.0
    shown = {"TR": many, "ProWTP": many}
    assert next(iter(KINDS["confusion"].tell(shown))).endswith("TR –, –, –; ProWTP –, –, –.")
    for kind in ("confusion", "map"):
        assert len(KINDS[kind].draw(shown, "title")) < 150_000


# --- how a log moves over time


def log(*parts: list[float], shuffled: bool = True) -> Table:
    """A table whose log is these parts, watch ratios over a duration of 2 s; the rows lie in another order."""
    ratio = np.concatenate(parts)
    n = len(ratio)
    place = np.random.default_rng(0).permutation(n) if shuffled else np.arange(n)
    label = np.zeros(n, np.float32)
    label[place] = 2 * ratio
    rows = Rows(
        ids=np.zeros((n, 1), np.int32),
        label=label,
        duration=np.full(n, 2, np.float32),
        bucket=np.zeros(n, np.int32),
    )
    split = dict(zip(("train", "valid", "test"), np.split(place.astype(np.int32), [n // 2, n * 3 // 4]), strict=True))
    return Table(Schema("watch_time", "s", (), buckets=2), rows, split, {}, "da7a")


def test_a_portrait_compares_each_part_with_the_last_by_hand():
    """[0, 1] and [1, 2] are 1 apart and overlap in half; [1, 2] and [1, 2] are the same."""
    made = portray("x", log([0, 1, 0, 1], [1, 2, 2, 1], [2, 1, 1, 2]), parts=3)
    first, empty = made.buckets
    assert first.rows == [4, 4, 4]
    assert first.wasserstein == [1.0, 0.0] and first.statistic == [0.5, 0.0]
    assert first.p[1] == 1.0 and 0.3 < (first.p[0] or 0) < 1.0
    assert empty == portrait.Bucket(rows=[0, 0, 0], wasserstein=[None] * 2, statistic=[None] * 2, p=[None] * 2)
    assert made.table == "da7a"


def test_a_portrait_is_scipys_on_the_log_in_order():
    rng = np.random.default_rng(1)
    parts = [rng.gamma(2 + 0.3 * day, size=200) for day in range(4)]
    made = portray("x", log(*parts), parts=4).buckets[0]
    for day, piece in enumerate(parts[:-1]):
        test = ks_2samp(piece, parts[-1], method="asymp")
        assert made.p[day] == pytest.approx(test.pvalue, rel=1e-3)
        assert made.statistic[day] == pytest.approx(test.statistic, rel=1e-3)
        assert made.wasserstein[day] == pytest.approx(wasserstein_distance(piece, parts[-1]), rel=1e-3)


def test_a_log_with_fewer_rows_than_parts_has_no_portrait():
    with pytest.raises(ValueError, match="at least 14 rows"):
        portray("x", log([1.0, 2.0, 3.0, 1.0]))


def at_time(**changes: Any) -> Record:
    """A record of a chronological dataset whose durations show in its facts."""
    chronological = {"protocol": {"split": "chronological 6:2:2 by time_ms"}, "facts": FACTS["kuairand"]}
    return record(dataset="kuairand@time", method="tr", **(chronological | changes))


class Data:
    """A store with one record; its dataset's table is at hand under this fingerprint, "" where it is not."""

    def __init__(self, runs: Path, monkeypatch: pytest.MonkeyPatch, kept: Record) -> None:
        from datasets import cache, registry
        from datasets.base import NotAvailable

        self.store, self.table, self.said = Store(save(runs, kept)), "da7a", []
        self.path = runs / kept.dataset / portrait.KIND.file

        def fingerprint(dataset: str, root: Path | None) -> str | None:
            if not self.table:
                raise NotAvailable("no files")
            return self.table

        monkeypatch.setattr(registry, "get", lambda name, root=None: name)
        monkeypatch.setattr(cache, "cached_fingerprint", fingerprint)
        monkeypatch.setattr(
            cache, "load", lambda dataset, root: replace(log(*[[0.5, 1.0]] * 14), fingerprint=self.table)
        )

    def refresh(self, only: tuple[str, ...] = ()) -> list[str]:
        self.said.clear()
        portrait.KIND.refresh(self.store, None, self.said.append, only)
        return self.said


def test_a_portrait_is_made_once_and_again_when_the_table_moves(tmp_path, monkeypatch):
    data = Data(tmp_path, monkeypatch, at_time())
    assert data.refresh(only=("kuairand",)) == [] and not data.path.exists()
    (data.path.parent / f".{portrait.KIND.file}.123").write_text("{")  # left by a run that was killed
    assert data.refresh() == ["kuairand@time: how its watch ratios move over time"]
    assert [p.name for p in data.path.parent.iterdir() if p.is_file()] == [portrait.KIND.file]
    before, stamp = data.path.read_bytes(), data.path.stat().st_mtime_ns
    assert data.refresh() == [] and data.path.stat().st_mtime_ns == stamp
    data.path.unlink()
    data.refresh()
    assert data.path.read_bytes() == before
    data.table = "m0ved"
    assert len(data.refresh()) == 1 and portrait.KIND.read(data.path.parent).table == "m0ved"
    data.table = ""  # a machine without the data keeps what there is
    assert data.refresh() == [] and data.path.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"protocol": {"split": "random 6:2:2 by row"}},
        {"facts": FACTS["kuairand"] | {"unit": "USD"}},
        {"facts": {"unit": "s", "rows": 100}},
    ],
)
def test_only_logs_in_order_with_seconds_and_durations_have_a_portrait(tmp_path, monkeypatch, changes):
    data = Data(tmp_path, monkeypatch, at_time(**changes))
    assert data.refresh() == [] and not data.path.exists()


def test_another_file_in_a_portraits_place_is_named(tmp_path, monkeypatch):
    data = Data(tmp_path, monkeypatch, at_time())
    data.path.write_text("[]")
    with pytest.raises(UserError, match=r"portrait\.json is not what .* delete it"):
        data.refresh()
    with pytest.raises(UserError, match=r"portrait\.json is not what .* delete it"):
        gather(tmp_path)


def moving() -> Portrait:
    one = portrait.Bucket(
        rows=[900] * 4, wasserstein=[0.01, 0.02, 0.06], statistic=[0.02, 0.05, 0.09], p=[0.5, 0.04, 1e-4]
    )
    two = portrait.Bucket(
        rows=[900, 0, 900, 900], wasserstein=[0.02, None, 0.02], statistic=[0.02, None, 0.03], p=[0.6, None, 0.2]
    )
    return Portrait(dataset="kuairand@time", code="c0de", table="da7a", buckets=[one, two])


def test_the_section_on_time_counts_its_tests_and_warns_of_their_power(tmp_path):
    runs = save(tmp_path, *(at_time(seed=s) for s in range(2)))
    before = digest(runs)
    portrait.KIND.write(runs / "kuairand@time", moving())
    assert digest(runs) != before
    write(runs)
    words = part(gather(runs), "stability", column="kuairand@time")
    assert (
        "Of 5 two-sample Kolmogorov-Smirnov tests (2 duration buckets, 3 parts against the last of 4) 2 reject" in words
    )
    assert "The Wasserstein distance between watch ratios is 0.020 in the median and 0.060 at most" in words
    least = 1.3581 * np.sqrt(2 / 900)  # the table of Kolmogorov's distribution at 5 %
    assert "With about 900 rows in a part of a bucket the test rejects from a distance" in words
    assert f"between distribution functions of {least:.3f} on" in words
    svg = (runs / "figures" / "prowtp-stability-kuairand-time.svg").read_text(encoding="utf-8")
    assert len(svg) < 150_000 and svg.startswith(stability.figure(moving()).rstrip())


def test_a_portrait_of_another_table_than_the_records_is_not_shown(tmp_path):
    runs = save(tmp_path, at_time())
    portrait.KIND.write(runs / "kuairand@time", msgspec.structs.replace(moving(), table="m0ved"))
    assert "stability" not in keys(gather(runs), "paper-prowtp")
