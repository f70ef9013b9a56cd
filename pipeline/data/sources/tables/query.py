"""One SELECT over the files of a source: what it gives is a table like any other."""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow.parquet

from pipeline.config.data import DataConfig
from pipeline.data.sources.tables.connection import identifier, literal, reading
from pipeline.data.sources.tables.dialect import dialect_of
from pipeline.data.sources.tables.files import format_of
from pipeline.data.sources.tables.plain import as_plain_text
from pipeline.data.sources.tables.types import nulls
from pipeline.errors import InputError

ROWS = 100_000
"""Of the answer that are written at a time."""


def answer_of(query: str, files: Sequence[Path], config: DataConfig, folder: Path) -> Path:
    """The rows that a query gives, as Parquet, in an order that their content decides.

    Each file is a table called as the file is, without its suffixes.

    Raises:
        InputError: for what is no single SELECT over these files, and for two files of one name.
    """
    names = [file.name.split(".")[0] for file in files]
    if len(set(names)) < len(names):
        raise InputError(
            "In data.query a table is called as its file is, without the suffix. Given: "
            f"{', '.join(file.name for file in files)}. Rename those that are called alike."
        )
    query = query.strip().removesuffix(";")
    most = config.memory_bytes
    plain = [as_plain_text(file, config.sheet, most, folder)[0] for file in files]
    with reading(plain, config.memory_bytes, joins=True) as connection:
        for name, file in zip(names, plain, strict=True):
            rows = _rows_of(connection, file, config)
            connection.execute(f"CREATE TEMP VIEW {identifier(name)} AS SELECT * FROM {rows}")
        try:
            _check(connection, query)
            answer = connection.sql(f"SELECT * FROM ({query}\n) ORDER BY ALL").to_arrow_reader(ROWS)
            file = folder / "answer.parquet"
            with pyarrow.parquet.ParquetWriter(file, answer.schema) as writer:
                for batch in answer:
                    writer.write_batch(batch)
        except duckdb.Error as error:
            line = str(error).strip().splitlines()[0]
            raise InputError(
                f"data.query cannot be answered: {line} Given: {query!r}, with the tables "
                f"{', '.join(names)}."
            ) from error
    return file


def _check(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    statements = connection.extract_statements(query)
    if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
        raise InputError(f"data.query must be one SELECT. Given: {query!r}.")


def _rows_of(connection: duckdb.DuckDBPyConnection, file: Path, config: DataConfig) -> str:
    """SQL for the rows of a file with its own names, each column of the type that it shows."""
    match format_of(file):
        case "parquet":
            return f"read_parquet({literal(str(file))})"
        case "json":
            return f"read_json({literal(str(file))})"
        case _:
            dialect = dialect_of(connection, file, config.header, ())
            names = [name or f"column{n}" for n, name in enumerate(dialect.names, 1)]
            return dialect.typed_rows(file, names, -1, nulls(config.missing_values))
