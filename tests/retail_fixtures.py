"""Made-up invoices in the forms of Online Retail II: the workbook, the CSV file, the Parquet files of its sheets."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

SHEETS = ("Year 2009-2010", "Year 2010-2011")
FOLDER = "online-retail-ii"


def invoices(*, customers: int = 90, seed: int = 0) -> list[pd.DataFrame]:
    """The two sheets, all eight columns in their order. Invoices of 1 to 9 December 2010 are in both; some lines are
    cancellations, came back, are free, have no customer, or a price below zero. One customer has two countries."""
    rng = np.random.default_rng(seed)
    starts = pd.Timestamp("2009-12-01") + pd.to_timedelta(rng.integers(0, 360, customers), "D")
    rows = []
    for who, start in enumerate(starts):
        for visit in range(rng.integers(1, 9)):
            day = start + pd.Timedelta(days=int(visit * rng.integers(1, 90)))
            if day > pd.Timestamp("2011-12-09"):
                break
            lines = rng.integers(1, 4)
            hour = pd.Timedelta(minutes=int(rng.integers(480, 1200)))
            rows += [(day + hour, 12346 + who, rng.integers(1, 30), np.round(rng.lognormal(1, 1), 2))] * lines
    # both ends of the file and the days of the overlap
    fixed = ("2009-12-01 08:00", "2010-12-01 09:00", "2010-12-05 10:00", "2010-12-09 11:00", "2011-12-09 12:00")
    rows += [(pd.Timestamp(when), 12346, 3, 2.5) for when in fixed for _ in range(2)]
    frame = pd.DataFrame(rows, columns=["InvoiceDate", "Customer ID", "Quantity", "Price"])
    frame = frame.sort_values("InvoiceDate", kind="stable").reset_index(drop=True)
    n = len(frame)
    number = frame.groupby(["InvoiceDate", "Customer ID"], sort=False).ngroup()
    frame["Invoice"] = (489434 + number).astype(str)
    kind = rng.choice(["sale", "cancelled", "back", "free", "nobody", "debt"], n, p=[0.8, 0.06, 0.04, 0.04, 0.05, 0.01])
    frame.loc[kind == "cancelled", "Invoice"] = "C" + frame["Invoice"]
    frame.loc[np.isin(kind, ["cancelled", "back"]), "Quantity"] *= -1
    frame.loc[kind == "free", "Price"] = 0.0
    frame.loc[kind == "debt", "Price"] = -11.06
    frame["Customer ID"] = frame["Customer ID"].astype("Int64").mask(kind == "nobody")
    frame["StockCode"] = rng.choice(["85123A", "22423", "POST", "79323P"], n)
    frame["Description"] = "WHITE HANGING HEART"
    frame["Country"] = np.where(frame["Customer ID"].fillna(0) % 5 == 0, "France", "United Kingdom")
    frame.loc[frame.index[frame["Customer ID"] == 12347][-1:], "Country"] = "Spain"
    order = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]
    first = frame[frame["InvoiceDate"] < "2010-12-10"]
    second = frame[frame["InvoiceDate"] >= "2010-12-01"]
    return [part[order].reset_index(drop=True) for part in (first, second)]


def workbook(root: Path, sheets: Sequence[pd.DataFrame], names: Sequence[str] = SHEETS) -> Path:
    """The official form: invoices and codes of digits alone are numbers."""
    path = root / FOLDER / "online_retail_II.xlsx"
    path.parent.mkdir(parents=True, exist_ok=True)
    with pd.ExcelWriter(path, engine="openpyxl") as writer:
        for name, sheet in zip(names, sheets, strict=True):
            cells = {column: sheet[column].map(_as_number) for column in ("Invoice", "StockCode")}
            sheet.assign(**cells).to_excel(writer, sheet_name=name, index=False)
    return path


def _as_number(text: object) -> object:
    return int(text) if isinstance(text, str) and text.isdigit() else text


def csv(root: Path, sheets: Sequence[pd.DataFrame], *, dates: str = "%Y-%m-%d %H:%M:%S", gz: bool = False) -> Path:
    """Its common form: both sheets in one file, numbers of customers with a point, one letter outside of UTF-8."""
    path = root / FOLDER / f"online_retail_II.csv{'.gz' if gz else ''}"
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = pd.concat(sheets)
    frame["Customer ID"] = frame["Customer ID"].astype("Float64")
    frame["InvoiceDate"] = frame["InvoiceDate"].dt.strftime(dates)
    frame["Description"] = 'BLANC CASSÉ, "FOND"'
    frame.to_csv(path, index=False, encoding="latin-1")
    return path


def parquet(root: Path, sheets: Sequence[pd.DataFrame]) -> list[Path]:
    """The sheets as files, with types."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"year_{years}.parquet" for years in ("2009-2010", "2010-2011")]
    for path, sheet in zip(paths, sheets, strict=True):
        sheet.to_parquet(path)
    return paths
