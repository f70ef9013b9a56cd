"""A .csv file: UTF-8, separated by commas, with a header."""

import csv
from collections.abc import Collection
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from pipeline.data.rows.memory import check_fits
from pipeline.data.sources.tables.cells import is_text
from pipeline.data.sources.tables.table import TableReader
from pipeline.errors import InputError


class CsvReader(TableReader):
    """A .csv file."""

    suffixes = (".csv",)

    def table(self, path: Path, known: Collection[str]) -> pa.Table:
        """The table, every cell as text."""
        try:
            check_fits(_count_cells(path), np.dtype(np.float64).itemsize, path.name)
            with path.open(encoding="utf-8-sig", newline="") as file:
                header = next((line for line in csv.reader(file) if line), [])
            names = [name.strip() for name in header]
            _check_header(names, known, path.name)
            table = pa.csv.read_csv(
                path,
                # A row must fit a block; the default of 1 MiB is too little for very wide tables.
                read_options=pa.csv.ReadOptions(block_size=2**24),
                parse_options=pa.csv.ParseOptions(newlines_in_values=True),
                convert_options=pa.csv.ConvertOptions(
                    column_types=dict.fromkeys(header, pa.string())
                ),
            )
            return table.rename_columns(names)
        except UnicodeDecodeError as error:
            raise _not_utf8(path) from error
        except (pa.ArrowException, csv.Error, OSError) as error:
            if "UTF8" in str(error):
                raise _not_utf8(path) from error
            raise InputError(
                f"{path.name} cannot be read as comma-separated values: {error}. "
                "Every line must have as many cells as the header."
            ) from error


def _count_cells(path: Path) -> int:
    """How many cells there are at most: one after each comma and each line's end."""
    with path.open("rb") as file:
        blocks = iter(partial(file.read, 2**20), b"")
        return sum(block.count(b",") + block.count(b"\n") for block in blocks)


def _check_header(header: list[str], known: Collection[str], where: str) -> None:
    if not header:
        raise InputError(f"A file must not be empty. {where} has blank lines alone.")
    if len(header) == 1 and any(separator in header[0] for separator in ";\t|"):
        raise InputError(
            f"Columns must be separated by commas. The first line of {where} is "
            f"{header[0][:60]!r}. Write it again with commas."
        )
    if not pc.any(is_text(pa.chunked_array([header]))).as_py() and not _names(header, known):
        raise InputError(
            f"A .csv file needs a header with the column names. {where} has no header: its "
            f"first line holds numbers alone ({', '.join(header[:5])}...). Add one."
        )
    if "" in header:
        raise InputError(
            f"Every column needs a name. In the header of {where}, column "
            f"{header.index('') + 1} has none. Name it, or remove it: it is often a row number "
            "(pandas: to_csv(..., index=False))."
        )


def _names(numbers: list[str], known: Collection[str]) -> bool:
    """Whether a first line of numbers is a header: 0, 1, 2, ..., as pandas names columns without
    names, or with all the names that a model knows."""
    return numbers == [str(n) for n in range(len(numbers))] or (
        len(known) > 0 and set(known) <= set(numbers)
    )


def _not_utf8(path: Path) -> InputError:
    return InputError(
        f"A .csv file must be UTF-8 text. {path.name} has bytes that are not. "
        "Convert it, for example with: iconv -f latin1 -t utf-8."
    )
