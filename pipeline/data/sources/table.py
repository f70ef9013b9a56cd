"""Tables with named columns: .csv and .parquet, the kind of each column told from its cells."""

import csv
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from pipeline.config.data import DataConfig
from pipeline.data.category import MISSING, category_names
from pipeline.data.cells import as_numbers
from pipeline.data.rows.memory import check_fits
from pipeline.data.source import Column, Source
from pipeline.data.target import as_target
from pipeline.errors import InputError, nearest

COUNT_VALUES = Path(__file__).with_name("parquet_values.py")
_NUMBER = r"^[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|(?i:inf|infinity))$"
_MISSING = pa.array(["", MISSING])
_ADVICE = "Correct the cells, or leave the column out with data.drop"


def read_table(path: Path) -> pa.Table:
    """The table in a .csv or .parquet file, its cells as they are.

    Raises:
        InputError: for a damaged or empty file, more than fits in memory, no header, and names that
            are not unique.
    """
    if path.stat().st_size == 0:
        raise InputError(f"A file must not be empty. {path.name} has 0 bytes.")
    table = _read_csv(path) if path.suffix.lower() == ".csv" else _read_parquet(path)
    check_unique(table.column_names, path)
    if table.num_rows == 0:
        raise InputError(f"There must be rows. {path.name} has a header and no row below it.")
    return table


def check_unique(names: list[str], path: Path) -> None:
    """Raise `InputError` for column names that occur twice."""
    repeated = sorted(name for name, times in Counter(names).items() if times > 1)
    if repeated:
        raise InputError(
            f"Column names must be unique. {path.name} repeats {', '.join(map(repr, repeated))}. "
            "Rename or remove the repeated columns."
        )


def table_source(path: Path, config: DataConfig) -> Source:
    """The source that a .csv or .parquet file is.

    Raises:
        InputError: for anything in the table that cannot be used, by column and row.
    """
    table = read_table(path)
    names = table.column_names
    labels = label_columns(config, names, path)
    features = feature_columns(config, names, labels, path)
    cells = {name: cells_of(table[name], name, path) for name in (*features, *labels)}
    columns = tuple(
        Column(name, "category")
        if name in config.categorical
        else _column(cells[name], name, path.name)
        for name in features
    )
    numbers, categories = _by_kind(cells, columns, path.name)
    return Source(
        name=path.stem,
        origin=path.name,
        columns=columns,
        numbers=numbers,
        categories=categories,
        target=target_of({label: cells[label] for label in labels}, config, path),
        test=None,
        image_shape=None,
        table=True,
        label_names=labels if config.task == "multilabel" else (),
    )


def table_rows(path: Path, columns: tuple[Column, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The numbers and categories of `columns`, found by name; other columns are ignored.

    Raises:
        InputError: for a missing column, and for text where the model was trained on numbers.
    """
    table = read_table(path)
    names = set(table.column_names)
    for column in columns:
        if column.name not in names:
            raise InputError(
                f"Rows need every column that the model was trained on. {path.name} has no column "
                f"{column.name!r}.{nearest(column.name, names)}"
            )
    cells = {column.name: cells_of(table[column.name], column.name, path) for column in columns}
    return _by_kind(cells, columns, path.name)


def _read_csv(path: Path) -> pa.Table:
    try:
        check_fits(_count_cells(path), np.dtype(np.float64).itemsize, path.name)
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next((line for line in csv.reader(file) if line), [])
        names = [name.strip() for name in header]
        _check_header(names, path)
        table = pa.csv.read_csv(
            path,
            # A row must fit a block; the default of 1 MiB is too little for very wide tables.
            read_options=pa.csv.ReadOptions(block_size=2**24),
            parse_options=pa.csv.ParseOptions(newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(column_types=dict.fromkeys(header, pa.string())),
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


def _check_header(header: list[str], path: Path) -> None:
    if not header:
        raise InputError(f"A file must not be empty. {path.name} has blank lines alone.")
    if len(header) == 1 and any(separator in header[0] for separator in ";\t|"):
        raise InputError(
            f"Columns must be separated by commas. The first line of {path.name} is "
            f"{header[0][:60]!r}. Write it again with commas."
        )
    if not pc.any(_is_text(pa.chunked_array([header]))).as_py():
        raise InputError(
            f"A .csv file needs a header with the column names. {path.name} has no header: its "
            f"first line holds numbers alone ({', '.join(header[:5])}...). Add one."
        )
    if "" in header:
        raise InputError(
            f"Every column needs a name. In the header of {path.name}, column "
            f"{header.index('') + 1} has none. Name it, or remove it: it is often a row number "
            "(pandas: to_csv(..., index=False))."
        )


def _not_utf8(path: Path) -> InputError:
    return InputError(
        f"A .csv file must be UTF-8 text. {path.name} has bytes that are not. "
        "Convert it, for example with: iconv -f latin1 -t utf-8."
    )


def _read_parquet(path: Path) -> pa.Table:
    with damaged_parquet(path):
        metadata = pa.parquet.read_metadata(path)
        check_fits(count_values(path), np.dtype(np.float64).itemsize, path.name)
        # Text stays packed, each distinct value once, until its size is known.
        schema = metadata.schema.to_arrow_schema()
        text = [field.name for field in schema if _holds_text(field.type)]
        with pa.parquet.ParquetFile(path, metadata=metadata, read_dictionary=text) as file:
            table = file.read()
        table.validate(full=True)  # text that is not UTF-8, positions beyond the end
    return table.drop_columns([name for name in table.column_names if is_row_index(name)])


@contextmanager
def damaged_parquet(path: Path) -> Iterator[None]:
    """PyArrow raises errors of many types for damaged bytes: all become one."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{path.name} cannot be read as Parquet: {error}. It may be cut short. Write it again."
        ) from error


def is_row_index(name: str) -> bool:
    """Whether pandas keeps an unnamed row index in a column of this name: it is no feature."""
    return name.startswith("__index_level_")


def count_values(path: Path) -> int:
    """How many values a Parquet file announces. Raises `ValueError` when that cannot be told."""
    command = [sys.executable, "-I", str(COUNT_VALUES), str(path)]
    counted = subprocess.run(command, capture_output=True, text=True)
    if counted.returncode:
        last_line = counted.stderr.strip().rpartition("\n")[2]
        raise ValueError(last_line.strip().removeprefix("what():").strip())
    return int(counted.stdout)


def _holds_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _check_text(text: pa.ChunkedArray, rows: int, where: str) -> None:
    """Raise `InputError` when `rows` cells as wide as the longest of `text` are too many."""
    check_fits(rows * (pc.max(pc.utf8_length(text)).as_py() or 0), 4, where)


def cells_of(column: pa.ChunkedArray, name: str, path: Path) -> pa.ChunkedArray:
    """The column as trimmed text, as its integers or as float64; empty cells and NaN are null."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        if _holds_text(kind.value_type):
            distinct = pa.chunked_array([chunk.dictionary for chunk in column.chunks])
            _check_text(distinct, len(column), path.name)
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale == 0):
        return column
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        numbers = column.cast(pa.float64(), safe=False)
        return pc.if_else(pc.is_nan(numbers), None, numbers)
    if pa.types.is_boolean(kind):
        return pc.if_else(column, "True", "False")  # As pandas and NumPy write them.
    try:
        text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    except pa.ArrowException as error:
        raise InputError(
            f"Cells must be numbers or text. Column {name!r} of {path.name} holds {kind}. "
            "Convert it, or leave it out with data.drop."
        ) from error
    missing = pc.is_in(pc.utf8_lower(text), value_set=_MISSING)
    return pc.if_else(missing, None, text)


def target_of(labels: dict[str, pa.ChunkedArray], config: DataConfig, path: Path) -> np.ndarray:
    """The target that the label columns' cells are, as `Source.target` has it."""
    rows = len(next(iter(labels.values())))
    columns = [values_of(cells, path.name) for cells in labels.values()]
    if config.task == "multilabel":
        names = np.column_stack([category_names(column) for column in columns])
        return as_target(names, rows, config, f"The label columns of {path.name}")
    return as_target(columns[0], rows, config, f"Column {next(iter(labels))!r} of {path.name}")


def feature_columns(
    config: DataConfig, names: list[str], labels: tuple[str, ...], path: Path
) -> list[str]:
    """The columns that are neither target nor dropped.

    Raises:
        InputError: for unknown columns, and when none is left.
    """
    for key, given in (("data.drop", config.drop), ("data.categorical", config.categorical)):
        for name in given:
            if name not in names:
                raise InputError(
                    f"{key} must name columns of the table. {path.name} has no column {name!r}."
                    + nearest(name, names)
                )
            if name in labels:
                raise InputError(
                    f"{key} names feature columns. Given: {name!r}, which is data.label. Remove it "
                    "from one of the two."
                )
    features = [name for name in names if name not in (*labels, *config.drop)]
    if not features:
        raise InputError(f"A feature column must remain beside the label. {path.name} has none.")
    return features


def label_columns(config: DataConfig, names: list[str], path: Path) -> tuple[str, ...]:
    """The target's column, or of a multi-label task its columns."""
    if not config.label:
        raise InputError(
            f"The target column of a table must be named. Set data.label (--label COLUMN) for "
            f"{path.name}.{nearest('label', names)}"
        )
    labels = (config.label,) if isinstance(config.label, str) else config.label
    for label in labels:
        if label not in names:
            raise InputError(
                f"data.label must name a column of the table. {path.name} has no column "
                f"{label!r}.{nearest(label, names)}"
            )
    return labels


def _column(cells: pa.ChunkedArray, name: str, where: str) -> Column:
    """The kind that the cells of a feature column tell.

    Raises:
        InputError: for an empty column, numbers mixed with text, and an identifier.
    """
    given = len(cells) - cells.null_count
    if given == 0:
        raise InputError(
            f"A column must have values. Column {name!r} of {where} is empty. "
            "Leave it out with data.drop."
        )
    if _as_floats(cells) is not None:
        return Column(name, "number")
    is_text = _is_text(cells)
    if pc.sum(is_text).as_py() < given:
        raise InputError(
            f"A column must hold numbers or text, not both. Column {name!r} of {where} has "
            f"{_texts(cells, is_text)}. {_ADVICE}, or treat all its values as categories "
            "with data.categorical; a missing value is an empty cell."
        )
    distinct = pc.count_distinct(cells).as_py()
    if distinct > 100 and 2 * distinct > len(cells):
        raise InputError(
            f"A text column must hold categories. Column {name!r} of {where} has {distinct} "
            f"distinct values in {len(cells)} rows: it looks like an identifier or free text. "
            "Leave it out with data.drop."
        )
    return Column(name, "category")


def _texts(cells: pa.ChunkedArray, is_text: pa.ChunkedArray) -> str:
    """How many cells are text, and the first of them."""
    row = pc.index(is_text, True).as_py()
    return (
        f"text in {pc.sum(is_text).as_py()} of {len(cells)} cells, first at row {row + 1}: "
        f"{cells[row].as_py()!r}"
    )


def _as_floats(cells: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """The cells as float64, or None where one of them is no number."""
    try:
        return cells.cast(pa.float64(), safe=_holds_text(cells.type))
    except pa.ArrowInvalid:
        return None


def _is_text(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Which cells are no numbers; null where missing."""
    return pc.invert(pc.match_substring_regex(cells, _NUMBER))


def _by_kind(
    cells: dict[str, pa.ChunkedArray], columns: tuple[Column, ...], where: str
) -> tuple[np.ndarray, np.ndarray]:
    """The numbers and the categories of `columns`."""
    names = [column.name for column in columns if column.kind == "number"]
    rows = len(cells[columns[0].name])
    numbers = np.empty((rows, len(names)))
    for position, name in enumerate(names):
        numbers[:, position] = number_cells(cells[name], name, where)
    categories = [
        category_names(values_of(cells[column.name], where))
        for column in columns
        if column.kind == "category"
    ]
    widest = max((column.dtype.itemsize for column in categories), default=0)
    check_fits(rows * len(categories), widest, where)  # side by side all are as wide
    return (
        as_numbers(numbers, names, where),
        np.column_stack(categories) if categories else np.empty((rows, 0), "<U1"),
    )


def number_cells(cells: pa.ChunkedArray, name: str, where: str) -> np.ndarray:
    """float64 (rows,), NaN where missing."""
    numbers = _as_floats(cells)
    if numbers is None:
        raise InputError(
            f"Column {name!r} must hold numbers, as in training. {where} has "
            f"{_texts(cells, _is_text(cells))}. Correct the cells."
        )
    return pc.fill_null(numbers, np.nan).to_numpy()


def values_of(cells: pa.ChunkedArray, where: str) -> np.ndarray:
    """The cells as floats with NaN, as integers, or as text with "".

    Integers some of which are missing become text too, for a float has not room for all of them.
    Every cell of text is as wide as the longest.
    """
    if pa.types.is_floating(cells.type):
        return pc.fill_null(cells, np.nan).to_numpy()
    if pa.types.is_integer(cells.type) and not cells.null_count:
        return cells.to_numpy()
    cells = cells.cast(pa.string())
    _check_text(cells, len(cells), where)
    return np.array(pc.fill_null(cells, "").to_pylist(), dtype=str)
