"""Per-row test predictions: kept in the cache, not committed; paired tests read them."""

import io
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.records.cell import Group
from benchmark.records.identity import digest
from benchmark.records.record import Identity
from datasets.common.files import cache_folder

if TYPE_CHECKING:
    import numpy as np

_SUM = 4  # bytes of a CRC-32 behind the array


def tag(identity: Identity) -> str:
    """Hashes what predictions depend on: code, configuration and data."""
    return digest("/".join((identity.code, identity.config, identity.data)).encode())


def path_of(group: Group, seed: int, identity: Identity) -> Path:
    """Path of a seed's predictions: float32 [test rows], in the order of the table's test split."""
    return cache_folder() / "predictions" / str(group) / f"{seed}-{tag(identity)}.npy"


def encode(prediction: "np.ndarray") -> bytes:
    """Returns the bytes of a .npy file of float32, with their CRC-32 behind them, which NumPy does not mind."""
    import numpy as np

    content = io.BytesIO()
    np.save(content, prediction.astype(np.float32))
    data = content.getvalue()
    return data + zlib.crc32(data).to_bytes(_SUM, "little")


def kept(path: Path) -> bool:
    """Whether predictions are there as they were written."""
    try:
        read(path)
    except (OSError, ValueError, EOFError):
        return False
    return True


def read(path: Path) -> "np.ndarray":
    """Returns the predictions of a file, float32 [test rows]. Raises OSError, and ValueError where the file is not what
    was written."""
    import numpy as np

    data = path.read_bytes()
    if zlib.crc32(data[:-_SUM]).to_bytes(_SUM, "little") != data[-_SUM:]:
        raise ValueError("other content than was written")
    return np.load(io.BytesIO(data), allow_pickle=False)
