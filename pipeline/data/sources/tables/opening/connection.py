"""A connection to DuckDB that can read the named files and do nothing else."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from pipeline.data.sources.tables.opening.plain import room_in

MEMORY_SHARE = 4
"""DuckDB is given this part of the memory for rows; the rest is for what is made of them."""
LEAST_MEMORY = 2**28
"""Bytes below which DuckDB cannot read a wide file."""


@contextmanager
def reading(
    files: Sequence[Path], memory: int, folder: Path, joins: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory whose only files are these, with about `memory` bytes for rows.

    What exceeds DuckDB's part of them lies in `folder`.

    DuckDB takes files to come from a writer that is trusted (its page "Securing DuckDB"). Here
    nothing is: no other file is opened, no other is written, no extension is installed or loaded,
    no variable of Python is a table, and no statement can change this. With `joins` it plans
    queries as it does elsewhere; without, what it knows of them costs more than it saves.
    """
    limit = max(LEAST_MEMORY, memory // MEMORY_SHARE)
    with duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "allow_unsigned_extensions": False,
            "memory_limit": f"{limit}B",
            "temp_directory": str(folder / "beyond-memory"),
            "max_temp_directory_size": f"{room_in(folder)}B",
        },
    ) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")
        if not joins:
            connection.execute(f"SET disabled_optimizers = {literal(_optimizers(connection))}")
        connection.execute("SET python_enable_replacements = false")
        connection.execute(f"SET allowed_paths = [{', '.join(literal(str(f)) for f in files)}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection


def _optimizers(connection: duckdb.DuckDBPyConnection) -> str:
    """All but those that leave out columns: to look at a column would take ten times as long."""
    found = connection.execute("SELECT * FROM duckdb_optimizers()").fetchall()
    return ",".join(name for (name,) in found if name not in ("unused_columns", "column_lifetime"))


def literal(text: str) -> str:
    """Text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A table's name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'
