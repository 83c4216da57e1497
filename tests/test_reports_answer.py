"""The answer of a board: the sentence flips with the records behind it."""

import pytest
from msgspec.structs import replace

from reports.model.board import Board
from reports.sections.answer import answer
from tests.fake_noise import resampled
from tests.fake_records import record, seeds

ERRORS = {"users": 0.2, "seeds": 0.01, "pairs": 0.03}


def said(*records, **errors) -> str:
    flat = [r for group in records for r in (group if isinstance(group, list) else [group])]
    return answer(Board(flat, noise={"kuairand": resampled(flat, **(ERRORS | errors))}), "kuairand")


CONSTANTS = (record(method="median", mae=22.0, rmse=45.0, noise=0), record(method="mean", mae=26.0, rmse=42.0, noise=0))


def test_the_best_on_validation_is_to_be_used_with_its_gain_and_its_interval():
    text = said(
        seeds(method="d2q", mae=19.8, rmse=43.0, noise=0), seeds(method="tr", mae=21.0, rmse=41.0, noise=0), *CONSTANTS
    )
    assert text.startswith("Use **D2Q**. It beats the best constant by 10.0 % of MAE (95 % interval 9.")
    low, high = text.split("95 % interval ")[1].split(")")[0].split(" to ")
    # 1.96 standard errors of 0.03 and the seeds' 0.01, of 22
    assert float(high) - float(low) == pytest.approx(2 * 1.96 * (0.03**2 + 0.01**2) ** 0.5 / 22 * 100, abs=0.11)
    assert "every other row is worse, beyond noise" in text
    assert text.endswith("in RMSE TR / VR beats the *constant mean*.")


def test_who_cannot_be_told_apart_is_named_and_nothing_is_said_to_win_where_nothing_does():
    text = said(
        seeds(method="d2q", mae=19.8, rmse=43.0, noise=0), seeds(method="tpm", mae=19.81, rmse=44.0, noise=0),
        seeds(method="cread", mae=19.82, rmse=44.0, noise=0), *CONSTANTS,
    )  # fmt: skip
    assert "TPM and CREAD are not told apart from it" in text
    assert text.endswith("nothing beats the *constant mean* in RMSE.")


def test_a_model_that_only_beats_constants_by_rmse_is_used_for_that():
    text = said(seeds(method="tr", mae=23.0, rmse=40.0, noise=0), *CONSTANTS)
    assert text.startswith("Use **TR / VR**. It beats the best constant by 4.8 % of RMSE")
    assert text.endswith("nothing beats the *constant median* in MAE.")


def test_where_no_model_beats_a_constant_none_is_to_be_used():
    text = said(seeds(method="tr", mae=23.0, rmse=46.0, noise=0), *CONSTANTS)
    assert text == (
        "Use no model yet: **Constant median** needs none, and no model that has been run beats it on the test rows, "
        "by MAE or by RMSE."
    )


def test_noise_wider_than_the_gain_is_said():
    text = said(seeds(method="tr", mae=21.9, rmse=41.9, noise=0), *CONSTANTS, pairs=0.5)
    assert "It is not told apart from the best constant: better by 0.5 % of MAE (95 % interval -" in text


def test_one_seed_or_no_noise_file_is_said():
    rows = [*seeds(1, method="tr", mae=20.0, rmse=40.0, noise=0), *CONSTANTS]
    assert said(rows) == (
        "Use **TR / VR**. It is 9.1 % of MAE better than the best constant; its noise with one seed is not known."
    )
    assert "its noise is not known" in answer(Board([*seeds(method="tr", mae=20.0, noise=0), *CONSTANTS]), "kuairand")
    assert "only predictors that look at no column" in answer(Board(list(CONSTANTS)), "kuairand")


def test_what_wins_on_the_test_rows_alone_is_not_what_to_use():
    lucky = seeds(method="tpm", mae=19.0, rmse=43.0, noise=0)
    worse = {**lucky[0].metrics["valid"], "mae": 21.5}
    lucky = [record(method="tpm", seed=r.seed, metrics={"valid": worse, "test": r.metrics["test"]}) for r in lucky]
    text = said(lucky, seeds(method="d2q", mae=19.8, rmse=43.0, noise=0), *CONSTANTS)
    assert (
        text.startswith("Use **D2Q**.")
        and "on the test rows TPM is better in MAE, though not on the validation rows" in text
    )


def test_for_lifetime_values_the_best_order_of_customers_is_named():
    def with_gini(r, spearman):
        test = {**r.metrics["test"], "gini": 0.4, "spearman": spearman}
        return record(method=r.method, seed=r.seed, metrics={"valid": r.metrics["valid"], "test": test})

    rows = [with_gini(r, 0.4) for r in seeds(method="ziln", mae=19.0, noise=0)]
    rows += [with_gini(r, 0.6) for r in seeds(method="boosting", mae=20.0, noise=0)]
    assert answer(Board([*rows, *CONSTANTS]), "kuairand").endswith(
        "Boosted trees says best which customers are worth more (Spearman 0.600)."
    )


def test_what_a_search_chose_competes_too():
    tuned = [replace(r, variant="tuned") for r in seeds(method="tr", mae=18.0, rmse=40.0, noise=0)]
    text = said(tuned, seeds(method="tr", mae=21.0, rmse=41.0, noise=0), *CONSTANTS)
    assert text.startswith("Use **TR / VR (tuned)**. It beats the best constant by 18.2 % of MAE")
