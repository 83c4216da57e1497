"""Variance components of crossed logs, and the additive predictor that they shrink, against dense algebra and draws."""

import numpy as np
import pytest

from datasets.schema import Field, Rows, Schema
from methods._components import Components, components, with_errors
from methods.additive import Additive, effects

Array = np.ndarray


def crossed(
    rng: np.random.Generator,
    users: int,
    items: int,
    rows: int,
    parts: tuple[float, float, float],
    *,
    apart: float = 0.0,
) -> tuple[Array, Array, Array]:
    """z, user, item of an unbalanced log whose effects have the variances `parts`: activity and popularity are skewed.
    apart: how strongly users are shown items whose effect is like theirs."""
    a, b = np.sqrt(parts[0]) * rng.normal(size=users), np.sqrt(parts[1]) * rng.normal(size=items)
    user = rng.choice(users, rows, p=rng.dirichlet(np.full(users, 2.0)))
    item = rng.choice(items, rows, p=rng.dirichlet(np.full(items, 2.0)))
    if apart:
        tries = rng.integers(items, size=(rows, 4))
        liked = np.abs(b[tries] - apart * a[user][:, None]).argmin(1)
        item = tries[np.arange(rows), liked]
    first = np.sort(np.unique(user * items + item, return_index=True)[1])
    user, item = user[first], item[first]
    return a[user] + b[item] + np.sqrt(parts[2]) * rng.normal(size=len(user)), user, item


def dummies(ids: Array) -> Array:
    return (ids[:, None] == np.unique(ids)).astype(float)


def henderson(z: Array, user: Array, item: Array) -> tuple[float, float, float]:
    """Henderson's third method with projections as matrices: user, item, residual."""
    u, i = dummies(user), dummies(item)
    both = np.concatenate([u, i], 1)
    out = {name: np.eye(len(z)) - x @ np.linalg.pinv(x) for name, x in (("u", u), ("i", i), ("both", both))}
    residual = z @ out["both"] @ z / np.trace(out["both"])
    of_item = (z @ out["u"] @ z - residual * np.trace(out["u"])) / np.trace(i.T @ out["u"] @ i)
    of_user = (z @ out["i"] @ z - residual * np.trace(out["i"])) / np.trace(u.T @ out["i"] @ u)
    return of_user, of_item, residual


@pytest.mark.parametrize("apart", [0.0, 1.0])
def test_the_components_are_hendersons_by_dense_projections(apart):
    z, user, item = crossed(np.random.default_rng(1), 20, 14, 220, (1.0, 0.5, 0.7), apart=apart)
    found = components(z, user * 3 + 1, item * 5)  # codes with gaps
    assert (found.user, found.item, found.residual) == pytest.approx(henderson(z, user, item), rel=1e-5)
    assert found.total == pytest.approx(z.var()) and found.identified


@pytest.mark.parametrize("apart", [0.0, 1.0])
def test_known_variances_come_back_whether_users_meet_items_at_random_or_not(apart):
    rng = np.random.default_rng(0)
    logs = [crossed(rng, 300, 200, 4000, (0.3, 0.1, 0.6), apart=apart) for _ in range(12)]
    found = [components(*log) for log in logs]
    within = np.mean([(part.user, part.item, part.residual) for part in found], axis=0)
    if not apart:
        assert within == pytest.approx([0.3, 0.1, 0.6], abs=0.015)
        assert np.mean([part.shared for part in found]) == pytest.approx(0, abs=0.02)
        return
    assert within[2] == pytest.approx(0.6, abs=0.015)  # of the residual whatever users were shown
    assert np.mean([part.shared for part in found]) > 0.05  # two effects that go together add their covariance


def test_a_row_that_is_there_twice_changes_nothing():
    z, user, item = crossed(np.random.default_rng(2), 30, 20, 300, (0.3, 0.1, 0.6))
    twice = [np.concatenate([column, column[:80]]) for column in (z, user, item)]
    assert components(*twice) == components(z, user, item)


def test_standard_errors_are_the_spread_over_logs():
    rng = np.random.default_rng(3)
    found = [with_errors(*crossed(rng, 200, 60, 1500, (0.3, 0.1, 0.6))) for _ in range(25)]
    spread = np.std([one.user for one, _ in found], ddof=1)
    assert np.mean([error.user for _, error in found]) == pytest.approx(spread, rel=0.4)
    few = crossed(rng, 12, 60, 300, (0.3, 0.1, 0.6))
    assert with_errors(*few)[1] is None


def test_a_log_of_users_with_one_row_each_tells_no_user_from_chance():
    z = np.random.default_rng(4).normal(size=50)
    found = components(z, np.arange(50), np.arange(50) % 10)
    assert not found.identified and found.user == 0.0


@pytest.mark.parametrize("rows", [1, 4, 20])
def test_the_predicted_xauc_is_that_of_best_predictors_by_draws(rows):
    """Means of `rows` rows a user and 5 a row an item, the other effect known, shrunken as the joint normal says."""
    rng = np.random.default_rng(rows)
    parts = Components(0.3, 0.2, 0.0, 0.5)
    n = 4000
    a, b = np.sqrt(0.3) * rng.normal(size=n), np.sqrt(0.2) * rng.normal(size=n)
    seen_a = a + np.sqrt(0.5 / rows) * rng.normal(size=n)
    seen_b = b + np.sqrt(0.5 / (5 * rows)) * rng.normal(size=n)
    guess = seen_a * 0.3 / (0.3 + 0.5 / rows) + seen_b * 0.2 / (0.2 + 0.5 / (5 * rows))
    z = a + b + np.sqrt(0.5) * rng.normal(size=n)
    half = n // 2
    agree = np.sign(guess[:half] - guess[half:]) == np.sign(z[:half] - z[half:])
    assert parts.xauc(rows, 5 * rows) == pytest.approx(agree.mean(), abs=3 * 0.5 / np.sqrt(half))


def test_the_predicted_xauc_of_known_effects_is_sheppards():
    assert Components(0.3, 0.2, 0.0, 0.5).xauc(np.inf, np.inf) == pytest.approx(0.5 + np.arcsin(np.sqrt(0.5)) / np.pi)
    assert Components(0.25, 0.15, 0.1, 0.5).xauc(np.inf, np.inf) == Components(0.3, 0.2, 0.0, 0.5).xauc(np.inf, np.inf)
    assert Components(0.25, 0.15, 0.1, 0.5).xauc(0, 0) == 0.5
    assert Components(-0.1, 0.0, 0.0, 1.0).xauc(np.inf, np.inf) == 0.5


def test_effects_are_the_solution_of_the_dense_mixed_model():
    z, user, item = crossed(np.random.default_rng(5), 12, 8, 70, (0.5, 0.3, 0.4))
    u, i = np.eye(15)[user], np.eye(9)[item]  # three users and an item without rows
    g, h = 1.7, 0.4
    inverse = np.linalg.inv(np.eye(len(z)) + g * u @ u.T + h * i @ i.T)
    one = np.ones(len(z))
    mean = one @ inverse @ z / (one @ inverse @ one)  # generalised least squares
    found = effects(z, user, item, g, h, sizes=(15, 9))
    assert found[0] == pytest.approx(mean, abs=1e-8)
    np.testing.assert_allclose(found[1], g * u.T @ inverse @ (z - mean), atol=1e-8)
    np.testing.assert_allclose(found[2], h * i.T @ inverse @ (z - mean), atol=1e-8)
    assert (found[1][12:] == 0).all()


SCHEMA = Schema("watch_time", "s", (Field("tab", 3), Field("user_id", 41), Field("video_id", 31)), buckets=1)


def rows(label: Array, user: Array, item: Array) -> Rows:
    return Rows(ids=np.stack([np.ones_like(user), user + 1, item + 1], 1).astype(np.int32), label=label)


def test_a_row_whose_user_and_item_are_unknown_is_the_median_and_others_move_away_from_it():
    z, user, item = crossed(np.random.default_rng(6), 40, 30, 600, (0.6, 0.2, 0.4))
    label = np.exp(3 + z)  # far from normal
    train = rows(label.astype(np.float32), user, item)
    method = Additive()
    fitted = method.fit(train, train, SCHEMA, np.random.default_rng(0))
    unknown = Rows(ids=np.zeros((1, 3), np.int32))
    middle = method.predict(fitted, unknown)[0]
    assert middle == pytest.approx(np.median(label), rel=0.1)
    predicted = method.predict(fitted, train.without_label())
    assert label.min() <= predicted.min() < 0.6 * middle < 1.6 * middle < predicted.max() <= label.max()
    assert np.corrcoef(np.log(predicted), np.log(label))[0, 1] > 0.7


def test_the_way_back_keeps_the_order_whatever_the_unit():
    z, user, item = crossed(np.random.default_rng(7), 40, 30, 600, (0.6, 0.2, 0.4))

    def guess(label: Array) -> Array:
        train = rows(label, user, item)
        return Additive().predict(Additive().fit(train, train, SCHEMA, np.random.default_rng(0)), train)

    plain, cubed = guess(np.exp(z)), guess(np.exp(3 * z))
    np.testing.assert_array_equal(np.argsort(plain, kind="stable"), np.argsort(cubed, kind="stable"))
    assert (plain >= 0).all()


def test_a_dataset_without_items_is_refused_in_words():
    schema = Schema("watch_time", "s", (Field("user_id", 5),), buckets=1)
    assert "needs a user and an item" in str(Additive.supports(schema))
    assert Additive.supports(SCHEMA) is None
