"""What a reader hands in, as columns with a name and a kind, and as the numbers that the estimators work on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from mibook.practice import copula

MOST_LEVELS = 50
"""Categories that a column may have: each but one becomes a column of zeros and ones."""


class TableError(ValueError):
    """A table that no estimate can be made of, in a sentence that names the column and the row."""


class Kind(Enum):
    """What a column holds."""

    CONTINUOUS = "continuous"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    CATEGORICAL = "categorical"


@dataclass(frozen=True)
class Column:
    """A column of n values: numbers, or for a category its number in the sorted order, shape (n,)."""

    name: str
    kind: Kind
    values: np.ndarray

    def encoded(self) -> np.ndarray:
        """Normal scores of the ranks, or for a category standardised zeros and ones; shape (n, d)."""
        if self.kind is not Kind.CATEGORICAL:
            return copula.scores(self.values[:, None])
        levels = self.values[:, None] == np.arange(1, int(self.values.max()) + 1)
        scale = levels.std(axis=0)
        return (levels - levels.mean(axis=0)) / np.where(scale > 0, scale, 1)


@dataclass(frozen=True)
class Side:
    """The columns of X or of Y."""

    name: str
    columns: list[Column]

    @property
    def raw(self) -> np.ndarray:
        """The columns' values, shape (n, number of columns)."""
        return np.column_stack([column.values for column in self.columns])

    def encoded(self) -> np.ndarray:
        """What the critics see, shape (n, d); columns of one value say nothing and are left out."""
        z = np.hstack([column.encoded() for column in self.columns])
        return z[:, z.std(axis=0) > 0]


def read(name: str, values: Any) -> Side:
    """Read X or Y: an array or list of shape (n,) or (n, d), a Series or a DataFrame. Raises TableError."""
    if isinstance(values, pd.Series):
        values = values.to_frame(name if values.name is None else values.name)
    if not isinstance(values, pd.DataFrame):
        values = np.asarray(values)
        if values.ndim not in (1, 2) or 0 in values.shape:
            raise TableError(f"{name} must have shape (n,) or (n, d), but has shape {values.shape}.")
        values = pd.DataFrame(values if values.ndim == 2 else values[:, None])
        values.columns = pd.Index([name] if values.shape[1] == 1 else [f"{name}[{k}]" for k in values.columns])
    if 0 in values.shape:
        raise TableError(f"{name} has no values: its shape is {values.shape}.")
    if not values.columns.is_unique:
        raise TableError(
            f"{name} has two columns of the same name: {values.columns[values.columns.duplicated()][0]!r}."
        )
    return Side(name, [_column(str(label), series) for label, series in values.items()])


def _column(name: str, series: pd.Series) -> Column:
    if series.dtype == object:
        series = series.infer_objects()
    missing = series.isna().to_numpy()
    if missing.any():
        raise TableError(_at(name, series, missing, "no value"))
    if types.is_bool_dtype(series):
        return Column(name, Kind.BOOLEAN, series.to_numpy(dtype=float))
    if types.is_complex_dtype(series) or types.is_datetime64_any_dtype(series) or types.is_timedelta64_dtype(series):
        raise TableError(f"Column {name!r} is of type {series.dtype}: turn it into numbers first.")
    if types.is_numeric_dtype(series) and not isinstance(series.dtype, pd.CategoricalDtype):
        values = series.to_numpy(dtype=float)
        if not np.isfinite(values).all():
            raise TableError(_at(name, series, ~np.isfinite(values), "an infinite value"))
        kind = Kind.INTEGER if types.is_integer_dtype(series) else Kind.CONTINUOUS
        return Column(name, kind, values)
    codes, levels = pd.factorize(series.astype(str), sort=True)
    if len(levels) > MOST_LEVELS:
        raise TableError(
            f"Column {name!r} has {len(levels)} categories, and at most {MOST_LEVELS} can be told apart: "
            "join the rare ones, or turn text that stands for numbers into numbers."
        )
    return Column(name, Kind.CATEGORICAL, codes.astype(float))


def _at(name: str, series: pd.Series, wrong: np.ndarray, what: str) -> str:
    first = int(np.flatnonzero(wrong)[0])
    more = f", the first of {wrong.sum()} such rows" if wrong.sum() > 1 else ""
    return f"Column {name!r} has {what} in row {series.index[first]}{more}: fill it in or leave the row out."
