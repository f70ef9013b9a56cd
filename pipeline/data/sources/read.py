"""Read a source by its built-in name, file suffix or folder: for a run, or rows for inference."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np

from pipeline.config.data import DataConfig
from pipeline.data.source import Column, Source
from pipeline.data.sources.arrays import read_npy, read_npz
from pipeline.data.sources.arrays_folder import (
    ROWS,
    arrays_folder_source,
    holds_arrays,
    read_arrays_folder,
)
from pipeline.data.sources.builtin import Builtin, read_builtin
from pipeline.data.sources.idx import read_idx_folder
from pipeline.data.sources.matrix import Arrays, by_kind, flat, source_of
from pipeline.data.sources.parquet_on_disk import parquet_exceeds, parquet_on_disk
from pipeline.data.sources.table import table_rows, table_source
from pipeline.data.sources.tfrecords import convert_shards, holds_shards
from pipeline.errors import InputError, nearest

_SUFFIXES = (".csv", ".npy", ".npz", ".parquet")


def read(config: DataConfig, scratch: Path | None = None) -> Source:
    """The rows that `config.source` names, with data.label, data.drop and data.categorical applied.

    Rows that need more than data.memory stay on disk. What must be converted for that, Parquet and
    TFRecord, is written into the folder `scratch`; without one it is read into memory as a whole.

    Raises:
        InputError: for a source that is unknown, missing, damaged or cannot be used.
    """
    path = _path(config.source)
    if config.source not in get_args(Builtin):
        _existing(path)
        if path.suffix.lower() == ".parquet" and scratch and parquet_exceeds(path, config):
            return parquet_on_disk(path, config, scratch / ROWS)
        if path.suffix.lower() in (".csv", ".parquet"):
            return table_source(path, config)
        if holds_arrays(path):
            return arrays_folder_source(path, config)
        if holds_shards(path) and scratch:
            convert_shards(path, scratch)
            name = path.resolve().name
            return replace(arrays_folder_source(scratch, config), name=name, origin=name)
    return source_of(_arrays(config.source), config)


def read_rows(spec: str, columns: tuple[Column, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Rows for inference: (numbers, categories) of `columns`, as `Source` has them.

    A table is matched by column name; anything else by width. A source with test rows of its own,
    as the built-in ones have, gives these.

    Raises:
        InputError: as for `read`, and where rows do not fit the columns.
    """
    path = _path(spec)
    if spec not in get_args(Builtin) and path.suffix.lower() in (".csv", ".parquet"):
        return table_rows(_existing(path), columns)
    arrays = _arrays(spec)
    matrix = flat(arrays.x, arrays.name)
    if matrix.shape[1] != len(columns):
        raise InputError(
            f"Rows must have the width that the model was trained on, {len(columns)}. "
            f"{arrays.name} has rows of width {matrix.shape[1]}. Give the same columns in the "
            "same order."
        )
    return by_kind(matrix if arrays.test is None else matrix[arrays.test], columns, arrays.name)


def _arrays(spec: str) -> Arrays:
    """The arrays behind a built-in name, a NumPy file or a folder of IDX files."""
    match spec:
        case "digits" | "fashion_mnist" | "mnist" | "cifar10":
            return read_builtin(spec)
    path = _existing(_path(spec))
    if path.is_dir():
        return _folder_arrays(path)
    match path.suffix.lower():
        case ".npz":
            return read_npz(path)
        case ".npy":
            return read_npy(path)
        case suffix:
            raise InputError(
                f"A data file must be of a kind that can be read. Given: {path.name} (suffix "
                f"{suffix!r}).{nearest(suffix, _SUFFIXES)}"
            )


def _folder_arrays(folder: Path) -> Arrays:
    """The arrays in a folder, in memory."""
    if holds_arrays(folder):
        return read_arrays_folder(folder)
    if holds_shards(folder):
        name = folder.resolve().name
        with tempfile.TemporaryDirectory() as converted:
            convert_shards(folder, Path(converted))
            return read_arrays_folder(Path(converted))._replace(name=name, origin=name)
    return read_idx_folder(folder)


def _path(spec: str) -> Path:
    try:
        return Path(spec).expanduser()
    except (RuntimeError, ValueError) as error:  # ~somebody: nobody of this machine, or no name
        raise InputError(f"{spec!r} is in no folder of this machine: {error}.") from error


def _existing(path: Path) -> Path:
    try:
        if path.is_file() or path.is_dir():
            return path
        if path.exists():  # Pipes and devices: to open one may never end.
            raise InputError(f"A source must be a file or a folder. {path} is neither.")
    except OSError as error:  # A folder that may not be entered, a name that is too long.
        raise InputError(f"{path} cannot be opened: {error.strerror}.") from error
    if path.suffix.lower() in _SUFFIXES or len(path.parts) > 1:
        raise InputError(f"There is no file or folder {path}. Correct the path.")
    raise InputError(
        f"A source must be a built-in name, a file or a folder. {str(path)!r} is none of these."
        + nearest(str(path), get_args(Builtin))
    )
