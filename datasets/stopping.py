"""The same rows under another stop: every dataset whose protocol stops by the absolute error has a second one."""

import copy
from dataclasses import replace

from datasets.base import Dataset

SUFFIX = "own-loss"


def own_loss_name(name: str) -> str:
    """The twin's name: kuairand@own-loss, kuairec@ratio-own-loss."""
    return f"{name}{'-' if '@' in name else '@'}{SUFFIX}"


def own_loss(dataset: Dataset) -> Dataset | None:
    """The dataset with its training stopped by the method's own loss on the validation rows; None where it is so
    already, or where nothing is chosen.

    A method that estimates a mean is stopped early by the absolute error, which a median has least of. Rows, split and
    all else are the same. `kuairand` becomes `kuairand@own-loss` and `kuairec@ratio` becomes `kuairec@ratio-own-loss`.
    Methods that are not trained in epochs (constants, trees) do the same under both.
    """
    if dataset.protocol.stop != "mae":
        return None
    other = copy.copy(dataset)
    other.name = own_loss_name(dataset.name)
    other.protocol = replace(dataset.protocol, stop="loss")
    return other
