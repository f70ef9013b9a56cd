"""DataFrames as tables: read by the table reader, which decides what each column is."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.config.data import DataConfig
from pipeline.data.source import RawRows, Source, Wanted
from pipeline.data.sources.tables.table import TableReader

FILE = "X.parquet"
"""What messages call a DataFrame."""
PLAIN = ("string", "boolean", "integer", "floating", "decimal", "date", "datetime", "empty")
"""What is in columns of Python objects that Parquet has a type for, as pandas calls it."""


def category_columns(frame: pd.DataFrame) -> tuple[str, ...]:
    """The columns that pandas itself has for categories."""
    return tuple(
        str(name)
        for name, kind in zip(frame.columns, frame.dtypes, strict=True)
        if isinstance(kind, pd.CategoricalDtype)
    )


def source_of_frame(frame: pd.DataFrame, target: np.ndarray | None, config: DataConfig) -> Source:
    """The source that a DataFrame is, with its target, if there is any, as column `config.label`.

    Raises:
        InputError: as for a table in a file.
    """
    if target is not None:
        assert isinstance(config.label, str)
        frame = frame.assign(**{config.label: target})
    with _written(frame) as file:
        return TableReader().source(file, config, None)


def rows_of_frame(frame: pd.DataFrame, wanted: Wanted) -> RawRows:
    """The rows of a DataFrame as a model reads them. Raises `InputError` where they do not fit."""
    with _written(frame) as file:
        return TableReader().rows(file, wanted)


@contextmanager
def _written(frame: pd.DataFrame) -> Iterator[str]:
    plain = pd.DataFrame({str(name): _plain(frame[name]) for name in frame.columns})
    with tempfile.TemporaryDirectory(prefix="layerwise-") as folder:
        file = Path(folder, FILE)
        plain.to_parquet(file, index=False)
        yield str(file)


def _plain(column: pd.Series) -> pd.Series:
    """The column as Parquet takes it: objects of several types become text."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    if isinstance(column.dtype, pd.PeriodDtype):
        return column.dt.to_timestamp()
    if pd.api.types.is_timedelta64_dtype(column.dtype):
        return column.dt.total_seconds()
    if isinstance(column.dtype, pd.IntervalDtype | pd.SparseDtype):
        column = column.astype(object)
    if column.dtype == object and pd.api.types.infer_dtype(column, skipna=True) not in PLAIN:
        return column.map(str, na_action="ignore")
    return column
