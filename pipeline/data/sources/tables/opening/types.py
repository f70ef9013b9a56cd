"""Which columns of a text file DuckDB reads as numbers at once, many times as fast as as text."""

from collections.abc import Collection, Sequence
from pathlib import Path

import duckdb

from pipeline.data.sources.tables.opening.connection import literal
from pipeline.data.sources.tables.opening.dialect import LENIENT, Dialect

CLASSES = ("none", "nil", "-", "--", ".")
"""Marks of what is missing that are classes where labels say them."""
SAMPLE = 20_480
"""Rows that types are guessed by; all rows must agree, else the column is text."""
_NO_NUMBER = "_"
"""What DuckDB takes for part of a number."""
_CODE = rf"^[+-]?0\d|^[+-]?[1-9]\d{{0,2}}(\.\d{{3}})+$|{_NO_NUMBER}"
"""What is not the number that it looks like: codes, thousands set apart by points."""
WIDER = {"BIGINT": "DOUBLE"}
"""What a column is where some cells are not of its type; else it is text."""


def nulls(markers: Sequence[str], dialect: Dialect) -> str:
    """The option of a reader that says which cells are missing.

    DuckDB refuses marks in which a sign of the dialect is: columns that have them are text then.
    """
    signs = [sign for sign in (dialect.delimiter, dialect.quote, dialect.escape) if sign]
    usable = [m for m in markers if not any(sign in m for sign in signs)]
    ways = [way for m in usable for way in dict.fromkeys((m, m.upper(), m.title()))]
    return f", nullstr = [{', '.join(map(literal, ('', *ways)))}]"


def guessed_types(
    connection: duckdb.DuckDBPyConnection,
    dialect: Dialect,
    file: Path,
    markers: Sequence[str],
    texts: Collection[int],
    sure: Collection[int] = (),
) -> list[str]:
    """BIGINT, DOUBLE or VARCHAR of each column, by a sample; VARCHAR of those named in `texts`.

    What looks like a number is one in the columns that are `sure` to have numbers.
    """
    names = [f"c{n}" for n in range(len(dialect.names))]
    sampled = dialect.typed_rows(file, names, SAMPLE, nulls(markers, dialect) + LENIENT)
    types = ["VARCHAR"] * len(names)
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM {sampled}").fetchall()
    except duckdb.Error:  # as of a quote that is never closed: what cannot be read is told later
        return types
    numbers = [
        n
        for n, (_, kind, *_) in enumerate(described)
        if kind in ("BIGINT", "DOUBLE") and n not in texts
    ]
    if not numbers:
        return types
    marks = {n: literal(_NO_NUMBER if n in sure else _CODE) for n in numbers}
    codes = ", ".join(f"bool_or(regexp_matches(trim(c{n}), {marks[n]}))" for n in numbers)
    (is_code,) = connection.execute(
        f"SELECT {codes} FROM (SELECT * FROM {dialect.rows([file], LENIENT)} LIMIT {SAMPLE})"
    ).fetchall()
    for n, code in zip(numbers, is_code, strict=True):
        if not code:
            types[n] = described[n][1]
    return types


def wider(types: list[str], failed: Collection[str]) -> list[str]:
    """The types where cells of the columns `failed` (c0, c1, ...) are not of theirs."""
    return [
        WIDER.get(kind, "VARCHAR") if f"c{n}" in failed else kind for n, kind in enumerate(types)
    ]
