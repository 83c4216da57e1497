"""A file of predictions: Parquet, Feather or CSV by its name, complete or absent."""

import contextlib
import os
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmark.files.errors import UserError

SUFFIXES = (".parquet", ".feather", ".csv")


class Output:
    """Takes record batches one after the other; the file gets its name when all are written."""

    def __init__(self, path: Path) -> None:
        """Raises UserError for a name of no known kind."""
        if path.suffix not in SUFFIXES:
            raise UserError(
                f"--out {path}: predictions are written as {', '.join(SUFFIXES)}; choose one of these names"
            )
        self.path, self.scratch = path, path.with_name(f".{path.name}.{os.getpid()}")
        self._writer: Any = None

    def write(self, batch: Any) -> None:
        """Append a pyarrow RecordBatch. Raises UserError where the disk is full or the folder cannot be written."""
        try:
            if self._writer is None:
                self._writer = self._opened(batch.schema)
            self._writer.write_batch(batch)
        except OSError as error:
            raise self._unwritable(error) from None

    def _opened(self, schema: Any) -> Any:
        import pyarrow as pa

        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.suffix == ".csv":
            from pyarrow import csv

            return csv.CSVWriter(self.scratch, schema)
        if self.path.suffix == ".feather":
            return pa.ipc.new_file(str(self.scratch), schema)
        import pyarrow.parquet as pq

        return pq.ParquetWriter(self.scratch, schema)

    def __enter__(self) -> "Output":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._writer is not None:
                self._writer.close()
            if kind is None and self._writer is not None:
                self.scratch.replace(self.path)
        except OSError as failure:
            raise self._unwritable(failure) from None
        finally:
            with contextlib.suppress(OSError):
                self.scratch.unlink(missing_ok=True)

    def _unwritable(self, error: OSError) -> UserError:
        return UserError(
            f"--out {self.path} cannot be written ({error.strerror or error}): make room or choose another"
        )
