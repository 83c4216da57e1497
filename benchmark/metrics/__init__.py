"""Metrics: pure functions of arrays, exact over all pairs, each with a one-line formula.

pairs      errors, pair counts and rank statistics
evaluate   the metrics that a record keeps, over all rows and over slices
deciles    calibration by deciles of the prediction
tails      errors without their tail, and the tail's share of them
"""

from benchmark.metrics.pairs import mae, normalized_gini, rmse, spearman, xauc, xgauc

__all__ = ["mae", "normalized_gini", "rmse", "spearman", "xauc", "xgauc"]
