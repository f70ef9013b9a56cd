"""A table opened for reading: its files as rows of DuckDB, its columns by number and by name."""

import csv
import re
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.config.data import DataConfig
from pipeline.data.source import Column
from pipeline.data.sources.tables.opening.connection import literal, reading
from pipeline.data.sources.tables.opening.dialect import Dialect, dialect_of
from pipeline.data.sources.tables.opening.files import Format, kind_of
from pipeline.data.sources.tables.opening.footer import without_footer
from pipeline.data.sources.tables.opening.heads import (
    first_is_head,
    lines_with_names,
    without_first,
    without_names,
)
from pipeline.data.sources.tables.opening.others import check_kind
from pipeline.data.sources.tables.opening.plain import as_plain_text, lines_of
from pipeline.data.sources.tables.opening.query import answer_of
from pipeline.data.sources.tables.opening.respelled import respelling
from pipeline.data.sources.tables.opening.scan import COPY, Scan, copy_of, marks_in, scan
from pipeline.data.sources.tables.opening.types import guessed_types, nulls
from pipeline.errors import InputError

LISTED = 30
_ERROR = re.compile(
    r"#(DIV/0!|N/?A|NAME\?|NULL!|NUM!|REF!|VALUE!|NV|WERT!|ZAHL!|BEZUG!|SPILL!|CALC!)(?!\w)"
)
"""What a spreadsheet writes where it could not calculate a cell."""
_NESTED = re.compile(r"^(STRUCT|MAP)\b|\]$")
"""DuckDB's types of lists and records."""
PANDAS_INDEX = "__index_level_"
"""How pandas calls the columns of Parquet in which it keeps an index without a name."""


@dataclass(frozen=True)
class OpenTable:
    """A table whose rows can be asked for.

    Attributes:
        connection: to the database that has them.
        rows: SQL for them; columns are c0, c1, ... in the order of the file.
        number_of_rows: how many can be read.
        names: of the columns; those without a name are column1, column2, ...
        types: DuckDB's; in text files BIGINT and DOUBLE for plain numbers, else VARCHAR.
        named: whether the file itself names its columns.
        delimiter: of a text file.
        where: opens messages.
        notes: what was decided in reading, for people.
        problems: lines that cannot be read.
    """

    connection: duckdb.DuckDBPyConnection
    rows: str
    number_of_rows: int
    names: tuple[str, ...]
    types: tuple[str, ...]
    named: bool
    delimiter: str
    where: str
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def one(self, query: str) -> tuple[Any, ...]:
        """The only row that a query gives."""
        (found,) = self.connection.execute(query).fetchall()
        return tuple(found)

    def batches(self, wanted: Mapping[str, str], rows: int) -> Iterator[pa.RecordBatch]:
        """Name and SQL of what is wanted of each row, so many rows at a time at most."""
        query = ", ".join(f"{value} AS {name}" for name, value in wanted.items())
        yield from self.connection.sql(f"SELECT {query} FROM {self.rows}").to_arrow_reader(rows)


@contextmanager
def opened_table(
    files: Sequence[Path],
    config: DataConfig,
    where: str,
    texts: Callable[[Sequence[str]], Collection[int]],
    model: Sequence[Column] = (),
) -> Iterator[OpenTable]:
    """The table in files of one kind, or that data.query makes of files of any.

    `texts` says which columns are needed as they are written, given all names; `model` are the
    columns that a model reads, or nothing. Where a file may lack a header their names say what is
    one, what they have for numbers is read as such, and text is read anew each time that it is
    asked for; otherwise it is read once, into memory and beyond it on disk.

    Raises:
        InputError: for a file that is empty, damaged or unclear.
    """
    for file in files:
        if file.stat().st_size == 0:
            raise InputError(f"A file must not be empty. {file.name} has 0 bytes.")
    with tempfile.TemporaryDirectory(prefix="layerwise-") as folder:
        try:
            if config.query is not None:
                answer = answer_of(config.query, files, config, Path(folder))
                with reading([answer], config.memory_bytes, Path(folder)) as connection:
                    yield _typed(connection, [answer], "parquet", where, not model)
            elif (kind := kind_of(files, where)) in ("text", "sheet"):
                with _text(files, config, where, texts, model, Path(folder)) as table:
                    yield table
            else:
                paths = [as_plain_text(file, None, 0, Path(folder))[0] for file in files]
                with reading(paths, config.memory_bytes, Path(folder)) as connection:
                    yield _typed(connection, paths, kind, where, not model)
        except InputError:
            raise
        except duckdb.OutOfMemoryException as error:
            raise InputError(
                f"{where} needs more memory to be read than a quarter of data.memory, "
                f"{config.memory:g} GiB. Raise data.memory."
            ) from error
        except (duckdb.Error, UnicodeDecodeError, csv.Error, OSError) as error:
            if (
                isinstance(error, OSError)
                and not isinstance(error, duckdb.Error)
                and error.filename
            ):
                raise
            line = str(error).strip().splitlines()[0]
            raise InputError(
                f"{where} cannot be read: {line.rstrip('.')}. It may be cut short or be of another "
                "kind than its name says. Write it again."
            ) from error


@contextmanager
def _text(
    files: Sequence[Path],
    config: DataConfig,
    where: str,
    texts: Callable[[Sequence[str]], Collection[int]],
    model: Sequence[Column],
    folder: Path,
) -> Iterator[OpenTable]:
    notes: list[str] = []
    known = [column.name for column in model]
    plain = []
    for file in files:
        copy, encoding = as_plain_text(file, config.sheet, config.memory_bytes, folder)
        check_kind(copy, file.name)
        plain.append(copy)
        if encoding:
            notes.append(f"{file.name} is text in {encoding}.")
    called = [file.name for file in files]
    with reading(plain, config.memory_bytes, folder) as connection:
        dialect = dialect_of(connection, plain[0], config.header, known, called[0])
        respell = respelling(plain[0], dialect, config.header)
        if respell is None:
            yield _of_dialect(
                connection, plain, called, dialect, where, notes, config, texts, model
            )
            return
    plain = [respell(file, folder) for file in plain]
    with reading(plain, config.memory_bytes, folder) as connection:
        dialect = dialect_of(connection, plain[0], config.header, known, called[0])
        yield _of_dialect(connection, plain, called, dialect, where, notes, config, texts, model)


def _of_dialect(
    connection: duckdb.DuckDBPyConnection,
    plain: Sequence[Path],
    called: Sequence[str],
    dialect: Dialect,
    where: str,
    notes: list[str],
    config: DataConfig,
    texts: Callable[[Sequence[str]], Collection[int]],
    model: Sequence[Column],
) -> OpenTable:
    titles = [
        name or (f"Unnamed: {n}" if dialect.header else f"column{n + 1}")
        for n, name in enumerate(dialect.names)
    ]
    names, repeated = _numbered(titles, where)
    notes += repeated
    dialect, outside = _outside(plain, dialect, where)
    notes += outside
    for file, name in zip(plain[1:], called[1:], strict=True):
        other = dialect_of(connection, file, dialect.header, (), name)
        if other.names != dialect.names:
            raise InputError(
                f"All parts of a table must have the same columns in the same order. {where} has "
                f"parts with {', '.join(dialect.names[:LISTED])} and with "
                f"{', '.join(other.names[:LISTED])}. Write them alike."
            )
    markers = config.missing_values
    as_written = texts(names)
    sure = {column.name for column in model if column.is_plain_number}
    numbers = [n for n, name in enumerate(names) if name in sure]
    types = guessed_types(connection, dialect, plain[0], markers, as_written, numbers)
    found = scan(connection, dialect, plain, types, nulls(markers, dialect), not model)
    if config.label and (classes := marks_in(connection, dialect, plain, found, as_written)):
        others = [marker for marker in markers if marker.lower() not in classes]
        found = scan(connection, dialect, plain, types, nulls(others, dialect), not model)
    found, bad = _without_bad(connection, found, dialect, plain, names, where)
    skips = config.bad_rows == "skip"
    cure = "Skipped." if skips else "Correct the file, or set data.bad_rows: skip."
    told = [f"{said} {cure}" for said in bad]
    notes += told if skips else []
    problems = [] if skips else told
    return OpenTable(
        connection, found.source, found.rows, names, tuple(found.types), dialect.header,
        dialect.delimiter, where, notes, problems,
    )  # fmt: skip


def _without_bad(
    connection: duckdb.DuckDBPyConnection,
    found: Scan,
    dialect: Dialect,
    files: Sequence[Path],
    names: Sequence[str],
    where: str,
) -> tuple[Scan, list[str]]:
    """The rows that are rows of the table, and what is said of the others."""
    found, bad = without_footer(connection, found, names, where)
    if dialect.header and (head := first_is_head(connection, found)):
        found = without_first(found)
        bad.append(
            f"The first row below the header of {where} has words where the others have numbers, "
            f"as a second line of names or units has them: {head!r}."
        )
    if dialect.header:
        rows = found.rows
        found = without_names(connection, found, dialect.names)
        if rows > found.rows:
            lines = lines_with_names(files, dialect)
            listed = ", ".join(map(str, lines[:5]))
            more = f", ..., {len(lines):,} in all" if len(lines) > 5 else ""
            which = "line" if len(lines) == 1 else "lines"
            bad.append(f"The header of {where} is repeated below: {which} {listed}{more}.")
    if rejected := found.rejected:
        first = "; ".join(f"line {line}: {text!r}" for line, text in [*rejected.items()][:5])
        least = "" if found.all_told else " at least"
        more = f" and{least} {len(rejected) - 5} more" if len(rejected) > 5 else ""
        bad.append(
            f"Every line must have as many cells as the others. {where} has "
            f"{len(dialect.names)} columns, but {first}{more}."
        )
    return found, bad


def _outside(files: Sequence[Path], dialect: Dialect, where: str) -> tuple[Dialect, list[str]]:
    """Notes of lines that are none of the table.

    The dialect is without comments where a line begins with an error of a spreadsheet: `#NV` is a
    cell.
    """
    notes = []
    if dialect.skip:
        above = "line" if dialect.skip == 1 else f"{dialect.skip} lines"
        verb = "stands" if dialect.skip == 1 else "stand"
        notes.append(f"The first {above} of {where} {verb} above its table.")
    if dialect.comment:
        places = []
        for file in files:
            with lines_of(file) as lines:
                starts = [(n, x) for n, x in enumerate(lines, 1) if x.startswith(dialect.comment)]
            if any(_ERROR.match(line) for _, line in starts):
                return replace(dialect, comment=""), notes
            places += [number for number, _ in starts]
        if places:
            listed = ", ".join(map(str, places[:5]))
            more = f", ..., {len(places):,} in all" if len(places) > 5 else ""
            notes.append(f"Lines of {where} that are comments: {listed}{more}.")
    return dialect, notes


def _typed(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[Path],
    kind: Format,
    where: str,
    copies: bool,
) -> OpenTable:
    listed = ", ".join(literal(str(file)) for file in files)
    reader = "read_parquet" if kind == "parquet" else "read_json"
    several = str(len(files) > 1).lower()
    rows = f"{reader}([{listed}], union_by_name = {several}, hive_partitioning = {several})"
    described = connection.execute(f"DESCRIBE SELECT * FROM {rows}").fetchall()
    if kind == "json" and all(_NESTED.search(type_) for _, type_, *_ in described):
        raise InputError(
            f"A table in JSON is a list of records, or one a line. {where} has lists or records "
            f"inside {', '.join(repr(name) for name, *_ in described[:LISTED])}. Write it as "
            '[{...}, {...}]; pandas does with to_json(orient="records").'
        )
    columns = ", ".join(f"c{n}" for n in range(len(described)))
    kept = [n for n, (name, *_) in enumerate(described) if not name.startswith(PANDAS_INDEX)]
    chosen = ", ".join(f"c{n} AS c{place}" for place, n in enumerate(kept))
    names, notes = _numbered([described[n][0] for n in kept], where)
    rows = f"(SELECT {chosen} FROM {rows} AS t({columns}))"
    if copies and kind == "json" and copy_of(connection, rows):
        rows = COPY
    ((count,),) = connection.execute(f"SELECT count(*) FROM {rows}").fetchall()
    return OpenTable(
        connection, rows, count, names,
        tuple(described[n][1] for n in kept), True, ",", where, notes,
    )  # fmt: skip


def _numbered(names: Sequence[str], where: str) -> tuple[tuple[str, ...], list[str]]:
    """Names that occur again with a number, as pandas has them: a, a.1, a.2; and a note of it."""
    taken: set[str] = set()
    found, repeated = [], []
    for name in names:
        new, times = name, 0
        while new in taken:
            times += 1
            new = f"{name}.{times}"
        if times == 1:
            repeated.append(name)
        taken.add(new)
        found.append(new)
    notes = []
    if repeated:
        listed = ", ".join(map(repr, repeated[:LISTED]))
        notes.append(f"{where} repeats {listed}: the second is called {repeated[0] + '.1'!r}.")
    return tuple(found), notes
