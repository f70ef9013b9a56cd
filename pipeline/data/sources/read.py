"""Read a source by its built-in name, file suffix or folder: for a run, or rows for inference."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.config.data import DataConfig
from pipeline.credentials import secret_in
from pipeline.data.source import Column, Layout, RawRows, Source, Wanted
from pipeline.data.sources.arrays import NpyReader, NpzReader
from pipeline.data.sources.arrays_folder import ArraysFolderReader
from pipeline.data.sources.builtin import BUILTINS, BuiltinReader
from pipeline.data.sources.idx import IdxFolderReader
from pipeline.data.sources.noisy import with_noisy
from pipeline.data.sources.open_rows import OpenRows
from pipeline.data.sources.reader import Reader
from pipeline.data.sources.remote import PACKAGES
from pipeline.data.sources.tables.opening.files import is_table
from pipeline.data.sources.tables.table import TableReader
from pipeline.data.sources.tfrecords import ShardsReader
from pipeline.data.sources.unlabelled import with_unlabelled
from pipeline.errors import InputError, nearest

READERS: tuple[Reader, ...] = (
    BuiltinReader(),
    TableReader(),
    NpyReader(),
    NpzReader(),
    ArraysFolderReader(),
    ShardsReader(),
    IdxFolderReader(),
)
"""Every kind of source. The first that recognises a source reads it; the last takes any folder."""


def read(config: DataConfig, scratch: Path | None = None) -> Source:
    """The rows that `config.source` names, and what other sources know of them.

    Behind them come those of `config.unlabelled_rows`; `config.noisy_rows` has each with its noise.

    Rows that need more than data.memory stay on disk. What must be converted for that, Parquet and
    TFRecord, is written into the folder `scratch`; without one it is read into memory as a whole.

    Raises:
        InputError: for a source that is unknown, missing, damaged or cannot be used.
    """
    reader, spec = _reader_of(config.source)
    source = reader.source(spec, config, scratch)
    for other, joined in (
        (config.unlabelled_rows, with_unlabelled),
        (config.noisy_rows, with_noisy),
    ):
        if other is not None:
            rows = read_rows(other, source.columns, source.layout, beside=source.origin)
            source = joined(source, rows, other)
    return source


def read_rows(
    spec: str,
    columns: tuple[Column, ...],
    layout: Layout | None = None,
    beside: str = "",
) -> RawRows:
    """Rows for inference, in memory: see `open_rows`.

    `beside`: the rows that they are put behind, if they are, for messages.

    Raises:
        InputError: as for `open_rows`, and for more than fits in memory.
    """
    with open_rows(spec, Wanted(columns, layout, (), beside)) as rows:
        return rows.whole()


@contextmanager
def open_rows(spec: str, wanted: Wanted) -> Iterator[OpenRows]:
    """Rows for inference: the values of the columns that are wanted, while the block lasts.

    A table is matched by column name, one without names by position, as the table of training
    was; anything else by width. A source with test rows of its own, as the built-in ones have,
    gives these.

    Raises:
        InputError: as for `read`, and where rows do not fit the columns.
    """
    reader, spec = _reader_of(spec)
    if wanted.keep and not isinstance(reader, TableReader):
        raise InputError(f"Columns to keep are those of a table. Given: {spec}, which is none.")
    with reader.opened(spec, wanted) as rows:
        yield rows


def likely_label(config: DataConfig) -> str | None:
    """The column of a table that is its target most likely; None: the source is no table.

    Raises:
        InputError: as for `read`.
    """
    reader, spec = _reader_of(config.source)
    return reader.likely_label(spec, config) if isinstance(reader, TableReader) else None


def _reader_of(spec: str) -> tuple[Reader, str]:
    """The reader of a source, and its path: without a ~, and of a copy where it is on a server."""
    if "://" in spec:
        spec = _copied(spec)
    elif spec not in BUILTINS:
        spec = _existing(spec)
    for reader in READERS:
        if reader.recognises(spec):
            return reader, spec
    suffix = Path(spec).suffix.lower()
    raise InputError(
        f"A data file must be of a kind that can be read. Given: {Path(spec).name} (suffix "
        f"{suffix!r}).{nearest(suffix, _suffixes())}"
    )


def _copied(address: str) -> str:
    """The path of a copy of what is on a server."""
    if message := secret_in(address):
        raise InputError(message)
    scheme = address.partition("://")[0]
    if scheme not in PACKAGES:
        raise InputError(
            f"Data on servers are read from {', '.join(f'{known}://' for known in PACKAGES)}. "
            f"Given: {scheme}://.{nearest(scheme, PACKAGES)}"
        )
    from pipeline.data.sources.remote.server import local_copy

    return local_copy(address)


def _suffixes() -> list[str]:
    return [suffix for reader in READERS for suffix in reader.suffixes]


def _existing(spec: str) -> str:
    """The path of a file or folder that is there. What starts with ./ keeps it."""
    try:
        path = Path(spec).expanduser() if spec.startswith("~") else Path(spec)
    except (RuntimeError, ValueError) as error:  # ~somebody: nobody of this machine, or no name
        raise InputError(f"{spec!r} is in no folder of this machine: {error}.") from error
    try:
        if path.is_file() or path.is_dir():
            return spec if path == Path(spec) else str(path)
        if path.exists():  # Pipes and devices: to open one may never end.
            raise InputError(f"A source must be a file or a folder. {path} is neither.")
    except OSError as error:  # A folder that may not be entered, a name that is too long.
        raise InputError(f"{path} cannot be opened: {error.strerror}.") from error
    if is_table(str(path)):  # a pattern
        return str(path)
    if path.suffix.lower() in _suffixes() or len(path.parts) > 1:
        raise InputError(f"There is no file or folder {path}. Correct the path.")
    raise InputError(
        f"A source must be a built-in name, a file or a folder. {str(path)!r} is none of these."
        + nearest(str(path), BUILTINS)
    )
