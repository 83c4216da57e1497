"""Columns too long for memory, kept in files that vanish by themselves."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from datasets.base import CacheError
from datasets.schema import Array


class Spool:
    """A column that grows at its end, [rows] or [rows, width]; its file has no name, so nothing is ever left behind."""

    def __init__(self, folder: Path, dtype: Any, width: int = 0) -> None:
        self.folder, self.dtype, self.width, self.rows = folder, np.dtype(dtype), width, 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        except OSError as error:
            raise self._full(error) from error

    def add(self, values: Array) -> None:
        """Append [rows] or [rows, width]. Raises CacheError where the disk is full."""
        block = np.ascontiguousarray(values, self.dtype)
        try:
            view = memoryview(block.data).cast("B") if block.size else memoryview(b"")
            while len(view):
                view = view[self._file.write(view) :]
        except OSError as error:
            raise self._full(error) from error
        self.rows += len(block)

    def array(self) -> Array:
        """The whole column, memory-mapped and writable. Ends the column."""
        shape = (self.rows, self.width) if self.width else (self.rows,)
        with self._file:  # the map stays when the file is closed
            return np.memmap(self._file, self.dtype, "r+", shape=shape) if self.rows else np.empty(shape, self.dtype)

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()

    def _full(self, error: OSError) -> CacheError:
        return CacheError(f"the cache folder {self.folder} cannot be written ({error.strerror or error}): "
                          "make room or set CVP_CACHE to another folder")  # fmt: skip
