"""Constants: what the label alone knows. A method that does not beat them has learned nothing from its features."""

from abc import abstractmethod
from typing import Any

import numpy as np

from datasets.schema import Array, Rows, Schema
from methods.base import Estimator


class _Constant(Estimator):
    """One number for every row, from the training labels; validation rows are not looked at."""

    deterministic = True

    @abstractmethod
    def statistic(self, y: Array) -> float:
        """The number that stands for the training labels y [m]."""

    def fit(self, train: Rows, valid: Rows, schema: Schema, rng: np.random.Generator) -> Any:
        assert train.label is not None
        return self.statistic(train.label.astype(np.float64))

    def predict(self, fitted: Any, rows: Rows) -> np.ndarray:
        return np.full(len(rows), fitted)


class _BucketConstant(_Constant):
    """One number for each duration bucket; a bucket without training rows takes the number of all rows."""

    tasks = ("watch_time",)

    @classmethod
    def supports(cls, schema: Schema) -> str | None:
        reason = None if schema.has_duration else f"{cls.title} needs a duration; rows of this dataset have none"
        return super().supports(schema) or reason

    def fit(self, train: Rows, valid: Rows, schema: Schema, rng: np.random.Generator) -> Any:
        assert train.label is not None
        assert train.bucket is not None
        y = train.label.astype(np.float64)
        value = np.full(schema.buckets, self.statistic(y))
        for bucket in np.unique(train.bucket):
            value[bucket] = self.statistic(y[train.bucket == bucket])
        return value  # [buckets]

    def predict(self, fitted: Any, rows: Rows) -> np.ndarray:
        return fitted[rows.bucket]


class Mean(_Constant):
    """The mean training label: the best constant for RMSE."""

    name = "mean"
    title = "Constant mean"
    paper = "none: the best constant for squared error"

    def statistic(self, y: Array) -> float:
        return float(np.mean(y))


class Median(_Constant):
    """The median training label: the best constant for MAE, and zero where most labels are zero."""

    name = "median"
    title = "Constant median"
    paper = "none: the best constant for absolute error"

    def statistic(self, y: Array) -> float:
        return float(np.median(y))


class BucketMean(_BucketConstant):
    """The mean training label of the row's duration bucket."""

    name = "bucket_mean"
    title = "Bucket mean"
    paper = "none: the duration bucket as the only feature"

    def statistic(self, y: Array) -> float:
        return float(np.mean(y))


class BucketMedian(_BucketConstant):
    """The median training label of the row's duration bucket."""

    name = "bucket_median"
    title = "Bucket median"
    paper = "none: the duration bucket as the only feature"

    def statistic(self, y: Array) -> float:
        return float(np.median(y))
