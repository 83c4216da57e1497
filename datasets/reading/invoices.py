"""Reading an invoice log: the workbook of Online Retail II, its common CSV form, or Parquet files of its sheets.

Columns Invoice, StockCode, Quantity, InvoiceDate, Price, Customer ID and Country; the older set's InvoiceNo, UnitPrice
and CustomerID are the same. Failures name file, column and row.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from datasets.base import BadData
from datasets.reading.delimited import header, line_of_row
from datasets.reading.ingest import MISSING, Column, read_csv
from datasets.schema import Array

SHEETS = ("Year 2009-2010", "Year 2010-2011")
_OTHER_NAMES = {"invoiceno": "Invoice", "unitprice": "Price", "customerid": "Customer ID", "customer id": "Customer ID"}
_FIELDS = {"Invoice": "invoice", "StockCode": "stock", "Quantity": "quantity", "InvoiceDate": "time", "Price": "price",
           "Customer ID": "customer", "Country": "country"}  # fmt: skip
COLUMNS = tuple(_FIELDS)
# how texts may write a date: one of these for the whole file; of two that fit all rows, the first
_DATES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d", "%m/%d/%Y %H:%M", "%m/%d/%y %H:%M",
          "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%y %H:%M", "%d-%m-%Y %H:%M")  # fmt: skip
_LARGEST = 1e9  # pounds, pieces
_YEARS = (2009, 2012)  # the files' dates: December 2009 to December 2011


@dataclass(frozen=True)
class Invoices:
    """The lines of all invoices, [n] each, in the order of the files; the sheets' overlap is kept once."""

    invoice: Array  # object: texts
    stock: Array  # object: texts
    quantity: Array  # float64, whole numbers, below 0 for what came back
    time: Array  # datetime64[s]
    price: Array  # float64, of one piece
    customer: Array  # int64, MISSING where the line has none
    country: Array  # object: texts
    raw: int  # lines in the files
    overlap: int  # of them, those of invoices that an earlier sheet has too

    def take(self, keep: Array) -> "Invoices":
        """The lines of a mask or of an index."""
        return replace(self, **{name: getattr(self, name)[keep] for name in _FIELDS.values()})

    @property
    def day(self) -> Array:
        """int64 [n], days since 1970."""
        return self.time.astype("datetime64[D]").astype(np.int64)


def read_invoices(paths: Sequence[Path]) -> Invoices:
    """A workbook with both sheets, one CSV file, or the sheets as Parquet files. Raises BadData."""
    parts = [part for path in paths for part in _parts(path)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in COLUMNS}
    which = np.repeat(np.arange(len(parts)), [len(part["Invoice"]) for part in parts])
    if len(parts) == 1:  # one file of both sheets: where the second one begins, time goes back
        which = np.cumsum(np.diff(columns["InvoiceDate"], prepend=columns["InvoiceDate"][:1]) < np.timedelta64(0, "s"))
    repeated = _repeated(columns["Invoice"], which)
    named = {field: columns[name] for name, field in _FIELDS.items()}
    every = Invoices(**named, raw=len(which), overlap=int(repeated.sum()))
    return every.take(~repeated)


def _repeated(invoice: Array, part: Array) -> Array:
    """bool [n]: the invoice is in an earlier part too."""
    if part.max(initial=0) == 0:
        return np.zeros(len(invoice), bool)
    _, code = np.unique(invoice.astype(str), return_inverse=True)
    first = np.full(code.max() + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, code, part)
    return first[code] < part


def _parts(path: Path) -> Iterable[dict[str, Array]]:
    """The columns of each sheet of a file, checked."""
    if path.suffix == ".xlsx":
        for sheet in SHEETS:
            yield _checked(_sheet(path, sheet), partial(_cell, f"row {{}} of sheet {sheet!r}", 2), path)
    elif path.suffix == ".parquet":
        yield _checked(_parquet(path), partial(_cell, "row {}", 1), path)
    else:
        yield _checked(_csv(path), lambda row: f"line {line_of_row(path, row)}", path)


def _cell(words: str, first: int, row: int) -> str:
    """Where a row stands, the first of them being number `first`."""
    return words.format(row + first)


def _sheet(path: Path, sheet: str) -> dict[str, Any]:
    """The columns of a sheet as lists of what its cells hold."""
    from python_calamine import CalamineError, CalamineWorkbook, WorksheetNotFound

    try:
        with CalamineWorkbook.from_path(str(path)) as book:
            rows = iter(book.get_sheet_by_name(sheet).iter_rows())
            where = _found(path, [str(cell) for cell in next(rows, [])], f"sheet {sheet!r}")
            cells = list(zip(*([row[at] for at in where.values()] for row in rows), strict=True))
            sheets = book.sheet_names
    except WorksheetNotFound as error:
        with CalamineWorkbook.from_path(str(path)) as book:
            sheets = book.sheet_names
        raise BadData(f"{path}: no sheet {sheet!r}; it has {', '.join(map(repr, sheets))}; get the official workbook "
                      "again: both its sheets are needed") from error  # fmt: skip
    except (CalamineError, OSError) as error:
        raise BadData(f"{path}: cannot be read as a workbook ({error}); get the file again") from error
    if not cells:
        raise BadData(f"{path}: sheet {sheet!r} has a header and no rows; get the file again")
    return dict(zip(where, cells, strict=True))


def _parquet(path: Path) -> dict[str, Any]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        names = parquet.read_schema(path).names
        where = _found(path, names, "the file")
        table = parquet.read_table(path, columns=[names[at] for at in where.values()])
    except (pa.ArrowInvalid, OSError) as error:
        raise BadData(f"{path}: cannot be read as a Parquet file ({str(error).splitlines()[0][:200]}); "
                      "get the file again") from error  # fmt: skip
    if not table.num_rows:
        raise BadData(f"{path}: the file has columns and no rows; get the file again")
    return {name: table.column(names[at]).to_pandas() for name, at in where.items()}


def _csv(path: Path) -> dict[str, Any]:
    """Every cell as a text; the description, which may be other than UTF-8, is not read."""
    names = header(path)
    wanted = {name: names[at] for name, at in _found(path, names, "line 1").items()}
    columns = read_csv(path, [Column(own, "text", empty=True) for own in wanted.values()])
    return {name: columns[own] for name, own in wanted.items()}


def _found(path: Path, names: Sequence[str], where: str) -> dict[str, int]:
    """The place of each of COLUMNS among the names of a header."""
    known = {name.lower(): name for name in COLUMNS} | _OTHER_NAMES
    places: dict[str, int] = {}
    for at, name in enumerate(names):
        if (column := known.get(name.strip().strip("\ufeff").lower())) in places:
            raise BadData(f"{path}: {where} has more than one column {column!r}; remove or rename all but one")
        if column is not None:
            places[column] = at
    if missing := [name for name in COLUMNS if name not in places]:
        raise BadData(f"{path}: no column {', '.join(map(repr, missing))}; {where} has "
                      f"{', '.join(map(repr, names)) or 'nothing'}; rename, or get the file again")  # fmt: skip
    return {name: places[name] for name in COLUMNS}


def _checked(raw: dict[str, Any], place: Callable[[int], str], path: Path) -> dict[str, Array]:
    """Typed columns, or BadData that names the first cell that cannot be right; `place` says where a row stands."""

    def bad(name: str, wrong: Array, what: str) -> None:
        if wrong.any():
            at = int(wrong.argmax())
            shown = str(next(iter(raw[name][at : at + 1])))[:40]
            raise BadData(f"{path}: column {name!r} {what} in {place(at)} ({shown!r}); "
                          "mend that cell or get the file again")  # fmt: skip

    result = {name: _texts(raw[name]) for name in ("Invoice", "StockCode", "Country")}
    bad("Invoice", result["Invoice"] == "", "is empty")
    for name in ("Quantity", "Price", "Customer ID"):
        values, empty = _numbers(raw[name])
        if name == "Customer ID":
            values = np.where(empty, MISSING, values)
        bad(name, np.isnan(values), "is empty or not a number")
        bad(name, ~(np.abs(values) <= _LARGEST), "is infinite or too large to be true")
        if name != "Price":
            bad(name, values != np.rint(values), "is not a whole number")
        result[name] = values.astype(np.int64) if name == "Customer ID" else values
    result["InvoiceDate"] = _dates(raw["InvoiceDate"], bad)
    year = result["InvoiceDate"].astype("datetime64[Y]").astype(np.int64) + 1970
    bad("InvoiceDate", (year < _YEARS[0]) | (year > _YEARS[1]), f"is not in the years {_YEARS[0]} to {_YEARS[1]}")
    return result


def _texts(values: Any) -> Array:
    """object [n]: trimmed texts, "" where empty; a whole number loses its point."""
    import pandas as pd

    column = pd.Series(values, dtype=object)
    texts = ["" if none else _text(cell) for cell, none in zip(column, column.isna(), strict=True)]
    return np.array([*texts, None], object)[:-1]  # with None, so that NumPy keeps texts of one length as objects too


def _text(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()


def _numbers(values: Any) -> tuple[Array, Array]:
    """float64 [n], NaN where a cell is no number; and where it is empty."""
    import pandas as pd

    column = pd.Series(values)
    if pd.api.types.is_numeric_dtype(column.dtype):
        numbers = column.to_numpy(np.float64, na_value=np.nan)
        return numbers, np.isnan(numbers)
    texts = column.astype(object)
    empty = texts.isna() | (texts.astype(str).str.strip() == "")
    return pd.to_numeric(texts.where(~empty, None), errors="coerce").to_numpy(np.float64), empty.to_numpy(bool)


def _dates(values: Any, bad: Callable[[str, Array, str], None]) -> Array:
    """datetime64[s] [n], from dates, or from texts that all write them alike."""
    import pandas as pd

    column = pd.Series(values)
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        bad("InvoiceDate", column.isna().to_numpy(), "is empty")
        return column.to_numpy("datetime64[s]")
    column = column.astype(object)
    dates = column.map(lambda cell: hasattr(cell, "year"))
    texts = column[~dates.astype(bool)].where(column.notna(), "").astype(str).str.strip()
    parsed = pd.Series(pd.NaT, index=column.index, dtype="datetime64[s]")
    parsed[dates.astype(bool)] = pd.to_datetime(column[dates.astype(bool)]).dt.tz_localize(None).astype("datetime64[s]")
    if len(texts):
        shape = _shape(texts)
        found = pd.to_datetime(texts, format=shape, errors="coerce")
        wrong = np.zeros(len(column), bool)
        wrong[texts.index[found.isna()]] = True
        bad("InvoiceDate", wrong, f"is not a date as the others are ({shape})")
        parsed[texts.index] = found.astype("datetime64[s]")
    return parsed.to_numpy("datetime64[s]")


def _shape(texts: Any) -> str:
    """The way of writing that most rows fit; of equals, the first."""
    import pandas as pd

    best, most = _DATES[0], -1
    for shape in _DATES:
        fits = int(pd.to_datetime(texts, format=shape, errors="coerce").notna().sum())
        if fits > most:
            best, most = shape, fits
        if fits == len(texts):
            break
    return best
