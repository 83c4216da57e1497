"""What a method that is a handful of numbers may tell of its fit. The worker asks by type, as for capabilities."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any


class Parametric(ABC):
    """An estimator whose fit is a few parameters: they belong in its record, with their standard errors."""

    @abstractmethod
    def parameters(self, fitted: Any) -> Mapping[str, float]:
        """Name -> number of what `fit` returned; NaN for a standard error that does not exist."""
