"""Per-row test predictions: kept in the cache, not committed; paired tests read them."""

from pathlib import Path

from benchmark.records.cell import Group
from benchmark.records.identity import digest
from benchmark.records.record import Identity
from datasets.common.files import cache_folder


def tag(identity: Identity) -> str:
    """Hashes what predictions depend on: code, configuration and data."""
    return digest("/".join((identity.code, identity.config, identity.data)).encode())


def path_of(group: Group, seed: int, identity: Identity) -> Path:
    """Path of a seed's predictions: float32 [test rows], in the order of the table's test split."""
    return cache_folder() / "predictions" / str(group) / f"{seed}-{tag(identity)}.npy"
