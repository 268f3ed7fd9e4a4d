"""Tables from files as people have them: any separator, decimal commas, a sentence where something is wrong."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pandas as pd

from mibook.practice.table import TableError

SEPARATORS = ",;\t|"
MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "-", "?"]
COMMA = re.compile(r"^\s*[-+]?\d+,\d+([eE][-+]?\d+)?\s*$")


def load(path: str | Path) -> pd.DataFrame:
    """Read a text table with a row of names. Raises TableError, in a sentence, for what is no such table.

    Numbers with a decimal comma are read as numbers where the separator is no comma. Rows keep their line number as
    index, so that errors name it.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise TableError(f"There is no file {path}.") from None
    except UnicodeDecodeError:
        text = path.read_text(encoding="latin-1")
    lines = text.splitlines()
    if len(lines) < 2:
        raise TableError(f"{path.name} has {len(lines)} lines: a row of names and rows of values are needed.")
    separator = max(SEPARATORS, key=lines[0].count)
    if "\0" in text:
        raise TableError(f"{path.name} is not a text file: save the table as CSV.")
    rows = [(number, row) for number, row in _rows(text, separator) if any(cell.strip() for cell in row)]
    names = [name.strip() for name in rows[0][1]]
    if len(set(names)) < len(names):
        raise TableError(f"{path.name} names two columns {next(n for n in names if names.count(n) > 1)!r}.")
    for number, row in rows[1:]:
        if len(row) != len(names):
            raise TableError(
                f"Line {number} of {path.name} has {len(row)} values and the first line {len(names)} names: "
                "look for a separator within a value, or a decimal comma in a file separated by commas."
            )
    frame = pd.DataFrame(
        [row for _, row in rows[1:]], columns=names, index=pd.Index([number for number, _ in rows[1:]])
    )
    return frame.apply(_column)


def _rows(text: str, separator: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(text.splitlines(keepends=True), delimiter=separator)
    return [(reader.line_num, row) for row in reader]


def _column(series: pd.Series) -> pd.Series:
    """Text as numbers, as True and False, or as categories; what stands for a missing value is missing."""
    series = series.str.strip()
    series = series.mask(series.isin(MISSING))
    seen = series.dropna()
    if len(seen) and seen.str.lower().isin(["true", "false"]).all():
        return series.str.lower().map({"true": True, "false": False}) if len(seen) == len(series) else series
    plain = seen.str.replace(",", ".", regex=False) if seen.str.match(COMMA).any() else seen
    numbers = pd.to_numeric(plain, errors="coerce")
    if len(seen) and numbers.notna().all():
        whole = len(seen) == len(series) and not plain.str.contains(r"[.eE]").any()
        return numbers.astype(int) if whole else numbers.reindex(series.index)
    return series


def choose(frame: pd.DataFrame, wanted: str) -> pd.DataFrame:
    """The columns that a list of names separated by commas asks for. Raises TableError for an unknown one."""
    names = [name.strip() for name in wanted.split(",")]
    if wanted in frame.columns:  # a name may hold a comma
        names = [wanted]
    unknown = [name for name in names if name not in frame.columns]
    if unknown:
        raise TableError(f"There is no column {unknown[0]!r}; the columns are: {', '.join(map(str, frame.columns))}.")
    return frame[names]
