"""ProWTP's first stage: mixtures of watch ratios, vectors w, HVQ-VAE's codebook, and Table 3's other prototypes."""

import numpy as np
import pytest
import torch

from datasets.schema import Array, Rows
from methods.prowtp.codebook import BETA, HVQVAE, Codebook, Kind, flat, hierarchical, train_codebook
from methods.prowtp.kmeans import centres, instance_centres
from methods.prowtp.mixture import Mixture, fit_mixtures, sample

PEAKS = ((0.35, 0.05, 0.02), (0.25, 0.5, 0.1), (0.3, 1.0, 0.08), (0.1, 2.0, 0.2))  # theta, mu, sigma
BRIEF = 120  # steps, for what does not hang on their number


def toy(seed: int, vectors: int = 2000) -> tuple[Array, Array, Array]:
    """transport.md, section 6: five buckets, whose four peaks have equal means and varied deviations."""
    theta, mu, sigma = np.array(PEAKS).T
    mixtures = [Mixture(theta, mu, sigma * scale) for scale in (0.5, 0.75, 1.0, 1.25, 1.5)]
    return sample(mixtures, vectors=vectors, size=64, rng=np.random.default_rng(seed))


def drawn(peaks: tuple[tuple[float, float, float], ...], n: int, rng: np.random.Generator) -> Array:
    theta, mu, sigma = np.array(peaks).T
    j = rng.choice(len(theta), n, p=theta)
    return np.abs(rng.normal(mu[j], sigma[j]))


# --- mixtures ---------------------------------------------------------------------------------------------------------


def test_known_peaks_are_found():
    two, three = ((0.4, 0.2, 0.05), (0.6, 1.0, 0.1)), ((0.5, 0.2, 0.04), (0.3, 1.0, 0.08), (0.2, 2.0, 0.15))
    rng = np.random.default_rng(0)
    ratio = np.concatenate([drawn(two, 20_000, rng), drawn(three, 3_000, rng)])
    bucket = np.repeat([0, 2], [20_000, 3_000])
    first, empty, last = fit_mixtures(ratio, bucket, 3, rng)
    assert len(empty) == 0
    for found, known in ((first, two), (last, three)):
        theta, mu, sigma = np.array(known).T
        assert len(found) == len(known)
        np.testing.assert_allclose(found.weights, theta, atol=0.03)
        np.testing.assert_allclose(found.means, mu, atol=0.02)
        np.testing.assert_allclose(found.stds, sigma, rtol=0.15)


def test_one_replay_of_500_owns_no_peak():
    rng = np.random.default_rng(1)
    ratio = drawn(((0.5, 0.2, 0.05), (0.5, 1.0, 0.1)), 1000, rng)
    ratio[7] = 500
    (mixture,) = fit_mixtures(ratio, np.zeros(1000, int), 1, rng)
    assert len(mixture) == 2 and mixture.means.max() < 1.1


@pytest.mark.parametrize(
    "ratio",
    [[0.1, 0.5, 0.9], [0.3], [0.0, 0.0], np.zeros(500), np.full(500, 0.7), np.repeat([0.0, 1.0], 200)],
    ids=["three", "one", "two zeros", "zeros", "constant", "two values"],
)
def test_odd_buckets_have_a_mixture_and_vectors(ratio):
    rng = np.random.default_rng(2)
    ratio = np.asarray(ratio)
    (mixture,) = fit_mixtures(ratio, np.zeros(len(ratio), int), 1, rng)
    w, _, _ = sample([mixture], vectors=50, size=16, rng=rng)
    assert mixture.weights.sum() == pytest.approx(1) and (mixture.stds > 0).all()
    assert np.isfinite(w).all() and len(w) >= 49
    assert w.min() >= 0 and w.max() <= ratio.max() + 3 * mixture.stds.max()


@pytest.mark.parametrize("ratio", [[0.5, -0.1], [0.5, np.inf], [np.nan, 0.5]])
def test_ratios_that_are_none_are_refused(ratio):
    with pytest.raises(ValueError, match="durations above 0"):
        fit_mixtures(np.array(ratio), np.zeros(2, int), 1, np.random.default_rng(0))


def test_mixtures_are_the_same_for_the_same_generator():
    ratio = drawn(PEAKS, 6000, np.random.default_rng(3))
    bucket = np.arange(6000) % 2
    once, again = (fit_mixtures(ratio, bucket, 2, np.random.default_rng(4)) for _ in range(2))
    for a, b in zip(once, again, strict=True):
        assert np.array_equal(a.means, b.means) and np.array_equal(a.stds, b.stds)


# --- vectors ----------------------------------------------------------------------------------------------------------


def test_peaks_get_floor_theta_L_vectors():
    theta = np.array([0.29, 0.005, 0.705])
    mixture = Mixture(theta, np.array([0.1, 0.5, 1.0]), np.full(3, 0.05))
    w, bucket, component = sample([mixture] * 2, vectors=100, size=8, rng=np.random.default_rng(0))
    assert w.shape == (198, 8) and w.dtype == np.float32
    assert np.bincount(bucket).tolist() == [99, 99]
    assert np.bincount(component, minlength=3).tolist() == [58, 0, 140]


def test_vectors_ascend_within_their_peak():
    w, bucket, component = toy(0, vectors=400)
    _, mu, sigma = np.array(PEAKS).T
    scale = np.array([0.5, 0.75, 1.0, 1.25, 1.5])[bucket]
    reach = np.abs(w - mu[component, None]).max(1) / (sigma[component] * scale)  # the i of each w, from below
    assert (np.diff(w, axis=1) >= 0).all() and w.min() >= 0
    assert reach.max() < 1.5 + 5 * 0.4
    assert np.median(reach) == pytest.approx(1.5, abs=0.1)
    assert reach.std() == pytest.approx(0.4, abs=0.1)


def test_draws_are_of_a_truncated_normal():
    from scipy.stats import kstest, truncnorm

    w, _, _ = sample(
        [Mixture(np.ones(1), np.ones(1), np.full(1, 0.1))], vectors=300, size=500, rng=np.random.default_rng(1)
    )
    i = np.abs((w - 1) / 0.1).max(1)  # 500 draws come close to both ends
    inside = [kstest((v - 1) / 0.1, truncnorm(-reach, reach).cdf).pvalue for v, reach in zip(w, i, strict=True)]
    assert np.mean(np.array(inside) < 0.01) < 0.05


def test_no_vector_at_all_is_an_error():
    empty = Mixture(np.empty(0), np.empty(0), np.empty(0))
    with pytest.raises(ValueError, match="expected buckets with rows"):
        sample([empty], vectors=100, size=8, rng=np.random.default_rng(0))


# --- selection and loss -----------------------------------------------------------------------------------------------


def literal(e: Array, P: Array) -> int:
    """Eq. 5 and 6 as printed, with the index of Eq. 6 read as j."""
    C, K, _ = P.shape
    best = []
    for i in range(C):
        weight = [np.exp(P[i, j] @ e) for j in range(K)]
        center = sum(weight[j] / sum(weight) * P[i, j] for j in range(K))
        best.append(np.linalg.norm(center - e))
    c = int(np.argmin(best))
    return c * K + int(np.argmin([np.linalg.norm(P[c, j] - e) for j in range(K)]))


@pytest.mark.parametrize(("C", "K"), [(4, 5), (1, 7), (6, 1), (1, 1)])
def test_selection_is_that_of_equations_5_and_6(C, K):
    rng = np.random.default_rng(C * K)
    P, e = rng.normal(size=(C, K, 6)), 1.5 * rng.normal(size=(200, 6))
    chosen = hierarchical(torch.from_numpy(e), torch.from_numpy(P)).numpy()
    nearest = np.linalg.norm(e[:, None] - P.reshape(C * K, 6), axis=2).argmin(1)
    assert chosen.tolist() == [literal(v, P) for v in e]
    assert flat(torch.from_numpy(e), torch.from_numpy(P)).tolist() == nearest.tolist()
    assert (C > 1 and K > 1) == (chosen != nearest).any()


def test_gradients_of_equation_7_go_where_it_sends_them():
    torch.manual_seed(0)
    w = torch.randn(9, 5, dtype=torch.float64)
    model = HVQVAE(5, 3, clusters=2, codes=2, kind="hvq").double()
    torch.nn.init.normal_(model.codes)
    loss, index = model(w)
    loss.backward()

    E, P, D = model.encoder, model.codes.detach().reshape(4, 3), model.decoder
    e, z = E(w), P[index]
    value = (w - D(z)).square().sum() + (1 + BETA) * (e - z).square().sum()
    torch.testing.assert_close(loss.detach(), value.detach() / 9)

    at = z.clone().requires_grad_()  # the decoder's input; its gradient is handed to E(w) as it is
    (through,) = torch.autograd.grad((w - D(at)).square().sum() / 9, at)
    back = through + BETA * 2 * (e.detach() - z) / 9
    for mine, expected in zip(E.parameters(), torch.autograd.grad(e, list(E.parameters()), back), strict=True):
        torch.testing.assert_close(mine.grad, expected)
    decoder = torch.autograd.grad((w - D(z)).square().sum() / 9, list(D.parameters()))
    for mine, expected in zip(D.parameters(), decoder, strict=True):
        torch.testing.assert_close(mine.grad, expected)
    codes = torch.zeros(4, 3, dtype=torch.float64)  # the quantisation term alone
    for v, k in zip(e.detach(), index.tolist(), strict=True):
        codes[k] += 2 * (P[k] - v) / 9
    assert model.codes.grad is not None
    torch.testing.assert_close(model.codes.grad.reshape(4, 3), codes)


# --- the codebook -----------------------------------------------------------------------------------------------------


def explained(w: Array, code: Array) -> float:
    """R^2 of a vector's log standard deviation, given its code."""
    y = np.log(w.std(1))
    means = np.array([y[code == k].mean() if (code == k).any() else 0 for k in range(code.max() + 1)])
    return 1 - np.square(y - means[code]).sum() / np.square(y - y.mean()).sum()


def check(book: Codebook, w: Array, clusters: int, codes: int, width: int) -> None:
    assert book.codes.shape == (clusters * codes, width) and book.codes.dtype == np.float32
    assert book.decoded.shape == (clusters * codes, w.shape[1])
    assert np.isfinite(book.codes).all() and np.isfinite(book.decoded).all() and np.isfinite(book.reconstruction)
    assert book.usage.tolist() == np.bincount(book.assignment, minlength=clusters * codes).tolist()
    assert book.usage.sum() == book.per_cluster.sum() == len(w) and len(book.per_cluster) == clusters
    assert 1 <= book.perplexity <= book.used + 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["hvq", "vq"])
def test_codes_tell_means_and_deviations_apart(kind: Kind):
    w, _, component = toy(0)
    book = train_codebook(w, clusters=4, codes=16, width=64, kind=kind, seed=0)
    check(book, w, 4, 16, 64)
    assert book.used > 32 and book.perplexity > 15
    assert book.reconstruction < 2e-3
    assert explained(w, book.assignment) > 0.95
    peak = np.array([p[1] for p in PEAKS])
    mean = book.decoded.mean(1)[book.assignment]
    assert np.abs(mean - peak[component]).mean() < 0.05
    error = np.square((book.decoded[book.assignment] - w) / w.std()).mean()
    assert book.reconstruction == pytest.approx(error, rel=1e-3)


def test_the_same_seed_gives_the_same_bits_and_leaves_the_global_state():
    w, _, _ = toy(1, vectors=60)
    torch.manual_seed(11)
    np.random.seed(11)  # noqa: NPY002
    before, legacy = torch.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002
    one, two, other = (
        train_codebook(w, clusters=2, codes=4, width=8, kind="hvq", seed=s, steps=BRIEF) for s in (5, 5, 6)
    )
    assert np.array_equal(one.codes, two.codes) and np.array_equal(one.assignment, two.assignment)
    assert not np.array_equal(one.codes, other.codes)
    assert torch.equal(before, torch.get_rng_state())
    assert np.array_equal(legacy, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize(("clusters", "codes", "rows"), [(3, 1, 100), (1, 4, 100), (4, 10, 12), (1, 1, 1)])
def test_small_codebooks_and_few_vectors(clusters, codes, rows):
    w = toy(2, vectors=100)[0][:rows]
    check(
        train_codebook(w, clusters=clusters, codes=codes, width=4, kind="hvq", seed=0, steps=BRIEF),
        w,
        clusters,
        codes,
        4,
    )


@pytest.mark.parametrize("kind", ["hvq", "vq"])
def test_identical_vectors_share_one_code(kind: Kind):
    w = np.full((50, 6), 0.7, np.float32)
    book = train_codebook(w, clusters=2, codes=3, width=4, kind=kind, seed=0, steps=BRIEF)
    check(book, w, 2, 3, 4)
    assert book.used == 1 and book.perplexity == 1
    np.testing.assert_allclose(book.decoded, 0.7, atol=1e-3)


def test_vectors_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="finite vectors"):
        train_codebook(np.full((3, 2), np.nan), clusters=1, codes=1, width=2, kind="vq", seed=0)


# --- Table 3's Kmeans -------------------------------------------------------------------------------------------------


def some_rows(n: int, seed: int = 0, *, distinct: int | None = None) -> Rows:
    """Labels that hang on the first field."""
    rng = np.random.default_rng(seed)
    rows = Rows(
        ids=rng.integers(0, 6, (n, 2)).astype(np.int32),
        bags={"tags": rng.integers(0, 4, (n, 3)).astype(np.int32)},
        numeric=rng.normal(size=(n, 2)).astype(np.float32),
        content=rng.normal(size=(5, 3)).astype(np.float32),
        content_row=rng.integers(0, 5, n).astype(np.int32),
        label=np.zeros(n, np.float32),
    )
    rows = rows if distinct is None else rows.take(np.arange(n) % distinct)
    assert rows.label is not None
    rows.label[:] = 10 * rows.ids[:, 0]
    return rows


def test_centres_of_separate_clouds_are_their_means():
    rng = np.random.default_rng(0)
    middle = np.array([[0, 0], [10, 0], [0, 10]], np.float32)
    points = (np.repeat(middle, 100, 0) + rng.normal(size=(300, 2))).astype(np.float32)
    found = centres(points, 3, seed=0)
    expected = np.stack([part.mean(0) for part in np.split(points, 3)])
    nearest = np.linalg.norm(expected[:, None] - found, axis=2).argmin(1)
    np.testing.assert_allclose(found[nearest], expected, atol=1e-5)


def test_instance_centres_lie_in_the_unit_ball_and_follow_the_seed():
    rows = some_rows(3000)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    one, two, other = (instance_centres(rows, count=8, dim=4, hidden=(16, 5), seed=s) for s in (0, 0, 1))
    assert one.shape == (8, 5) and one.dtype == np.float32 and np.isfinite(one).all()
    assert (np.linalg.norm(one, axis=1) <= 1 + 1e-6).all()
    assert len(np.unique(one, axis=0)) == 8
    assert np.array_equal(one, two) and not np.array_equal(one, other)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(("n", "distinct"), [(3, None), (1, None), (60, 2)])
def test_fewer_distinct_rows_than_centres(n, distinct):
    found = instance_centres(some_rows(n, distinct=distinct), count=7, dim=4, hidden=(5,), seed=0)
    assert found.shape == (7, 5) and np.isfinite(found).all()
    assert len(np.unique(found.round(4), axis=0)) <= (distinct or n)


def test_rows_need_labels():
    with pytest.raises(ValueError, match="labelled"):
        instance_centres(some_rows(4).without_label(), count=2, dim=4, hidden=(5,), seed=0)
