"""Answers data.query in a process of its own: a word can ask for more memory than there is."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet

from pipeline.data.sources.tables.opening.apart import answering
from pipeline.data.sources.tables.opening.connection import identifier, literal, reading
from pipeline.data.sources.tables.opening.dialect import Header, dialect_of
from pipeline.data.sources.tables.opening.files import format_of
from pipeline.data.sources.tables.opening.types import CLASSES, nulls
from pipeline.errors import InputError

ROWS = 100_000
"""Of the answer that are written at a time."""


def answered(
    query: str,
    tables: Mapping[str, str],
    header: Header,
    missing_values: Sequence[str],
    memory: int,
    answer: str,
) -> dict[str, Any]:
    """Write the answer as Parquet; `refused` says why not."""
    files = [Path(file) for file in tables.values()]
    try:
        with reading(files, memory, Path(answer).parent, joins=True) as connection:
            for name, file in zip(tables, files, strict=True):
                rows = _rows_of(connection, file, header, missing_values)
                connection.execute(f"CREATE TEMP VIEW {identifier(name)} AS SELECT * FROM {rows}")
            _check(connection, query)
            found = connection.sql(f"SELECT * FROM ({query}\n) ORDER BY ALL").to_arrow_reader(ROWS)
            with pyarrow.parquet.ParquetWriter(answer, found.schema) as writer:
                for batch in found:
                    writer.write_batch(batch)
    except InputError as error:
        return {"refused": str(error)}
    except (duckdb.Error, pa.ArrowException, OSError, MemoryError) as error:
        line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return {
            "refused": f"data.query cannot be answered: {line.rstrip('.')}. Given: {query!r}, with "
            f"the tables {', '.join(tables)}."
        }
    return {}


def _check(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    statements = connection.extract_statements(query)
    if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
        raise InputError(f"data.query must be one SELECT. Given: {query!r}.")


def _rows_of(
    connection: duckdb.DuckDBPyConnection, file: Path, header: Header, markers: Sequence[str]
) -> str:
    """SQL for the rows of a file with its own names, each column of the type that it shows."""
    match format_of(file):
        case "parquet":
            return f"read_parquet({literal(str(file))})"
        case "json":
            return f"read_json({literal(str(file))})"
        case _:
            dialect = dialect_of(connection, file, header, (), file.name)
            names = [name or f"column{n}" for n, name in enumerate(dialect.names, 1)]
            typed = dialect.typed_rows(file, names, -1, nulls(markers, dialect))
            return _with_classes(connection, typed, dialect.rows([file]), markers)


def _with_classes(
    connection: duckdb.DuckDBPyConnection, typed: str, written: str, markers: Sequence[str]
) -> str:
    """SQL for typed rows whose text has the marks that are classes, as `written` rows have them."""
    described = connection.execute(f"DESCRIBE SELECT * FROM {typed}").fetchall()
    missing = ", ".join(literal(m.lower()) for m in ("", *markers) if m not in CLASSES)
    texts = [
        f"CASE WHEN lower(trim(c{n})) NOT IN ({missing}) THEN c{n} END AS {identifier(name)}"
        for n, (name, kind, *_) in enumerate(described)
        if kind == "VARCHAR"
    ]
    if not texts:
        return typed
    chosen = ", ".join(texts)
    return f"(SELECT typed.* REPLACE ({chosen}) FROM {typed} AS typed POSITIONAL JOIN {written})"


if __name__ == "__main__":
    answering(answered)
