"""How a text file writes its table: separator, quotes, comments, and whether it has a header."""

import csv
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from pathlib import Path
from typing import Literal

import duckdb

from pipeline.data.sources.tables.opening.connection import literal
from pipeline.data.sources.tables.opening.plain import lines_of
from pipeline.data.sources.tables.opening.surplus import surplus_of
from pipeline.errors import InputError, listed

SNIFFED_WHOLE = 2**20
"""Bytes up to which the whole file is looked at."""
SAMPLE_ROWS = 20_480
"""Of larger files."""
COMPARED_ROWS = 1_000
"""Rows below the first line that it is compared with."""
MOST_TITLE_LINES = 10
REJECTED = 1_000
"""Errors that DuckDB tells of at most."""
LENIENT = f", store_rejects = true, rejects_limit = {REJECTED}"
"""Leaves out lines that are longer or shorter than others. With `ignore_errors` alone, DuckDB 2.0
finds no row at all where the first has a cell with a quote inside."""
_IGNORING = ", ignore_errors = true"
"""The same for the sniffer."""
MARKS = {"na", "n/a", "n.a.", "nan", "null", "none", "inf", "infinity", "missing", "unknown", "?"}
"""Words that stand for a number: no name, no unit."""
LONGEST_LINE = 2**24
"""Bytes."""

Header = bool | Literal["auto"]


@dataclass(frozen=True)
class Dialect:
    """What DuckDB must know of a text file.

    Attributes:
        delimiter: between cells.
        quote: around cells, or "".
        escape: before a quote inside quotes, or "".
        comment: opens a line that is none of the table, or "".
        skip: lines before the table.
        header: whether its first line holds names.
        names: of the columns, as the file has them: "" where it has none.
    """

    delimiter: str
    quote: str
    escape: str
    comment: str
    skip: int
    header: bool
    names: tuple[str, ...]

    def rows(
        self, files: Sequence[Path], options: str = "", types: Sequence[str] | None = None
    ) -> str:
        """SQL for the rows below the header, columns c0, c1, ..., text unless `types` says more."""
        kinds = types or ["VARCHAR"] * len(self.names)
        columns = ", ".join(f"c{position}: '{kind}'" for position, kind in enumerate(kinds))
        return self._read_csv(files, f"auto_detect = false, columns = {{{columns}}}{options}")

    def typed_rows(self, file: Path, names: Sequence[str], sample: int, options: str = "") -> str:
        """SQL for the same, columns by these names, each of the type that a sample of it shows."""
        listed = ", ".join(map(literal, names))
        return self._read_csv([file], f"names = [{listed}], sample_size = {sample}{options}")

    def cells(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """The cells of lines, as Python reads them."""
        backslash = self.escape == "\\"
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote or '"',
            escapechar=self.escape if backslash else None,
            doublequote=not backslash,
        )

    def surplus(self, file: Path) -> tuple[int, int] | None:
        """The first line with far too many cells: its number, and how many it has."""
        return surplus_of(file, self.delimiter, self.quote, len(self.names))

    def _read_csv(self, files: Sequence[Path], options: str) -> str:
        names = ", ".join(literal(str(file)) for file in files)
        return (
            f"read_csv([{names}], delim = {literal(self.delimiter)}, "
            f"quote = {literal(self.quote)}, escape = {literal(self.escape)}, "
            f"comment = {literal(self.comment)}, skip = {self.skip}, "
            f"header = {str(self.header).lower()}, max_line_size = {LONGEST_LINE}, "
            f"buffer_size = {2 * LONGEST_LINE}, hive_partitioning = false, {options})"
        )


def dialect_of(
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    header: Header,
    known: Collection[str],
    called: str,
) -> Dialect:
    """The dialect of a UTF-8 file, as DuckDB sniffs it.

    `called`: what people know the file by, which may be a copy.
    `known` are the names of columns that a model reads, or nothing: with all of them a first line
    is a header, even of rows for a model that learned from a file without one.

    Raises:
        InputError: for an empty file, for a line with absurdly many cells, and for other names
            than a model's where it knows none but its own.
    """
    bare, sniffed = _sniffed(connection, file)
    if surplus := bare.surplus(file):
        line, cells = surplus
        raise InputError(
            f"Every line must have as many cells as the others. {called} has {len(bare.names)} "
            f"columns, but line {line} has {cells:,} cells. Correct or remove it."
        )
    top = connection.execute(
        f"SELECT * FROM {bare.rows([file], LENIENT)} LIMIT {COMPARED_ROWS + 1}"
    ).fetchall()
    if title := _lines_of_title(file, bare, top):
        bare = replace(bare, skip=bare.skip + title)
        top = connection.execute(
            f"SELECT * FROM {bare.rows([file], LENIENT)} LIMIT {COMPARED_ROWS + 1}"
        ).fetchall()
        sniffed = True
    first = [(cell or "").strip() for cell in top[0]] if top else []
    if not any(any(row) for row in top):
        raise InputError(
            f"A file must not be empty. {called} has no line that can be read: it has blank "
            "lines alone, or a quote that is never closed."
        )
    named = bool(known) and set(known) <= set(first)
    if known and header is False and not named and _names_numbers(first, top[1:]):
        raise InputError(
            "The model learned from a table without names, and reads rows without names, or "
            f"columns that are called as it calls them: {listed([*known])}. The first line of "
            f"{called} has other names: {listed(first)}. Remove it, or rename the columns."
        )
    has_header = named or (_is_header(first, top[1:], sniffed) if header == "auto" else header)
    names = tuple(first) if has_header else bare.names
    return replace(bare, header=has_header, names=names)


def _lines_of_title(file: Path, bare: Dialect, top: list[tuple[str | None, ...]]) -> int:
    """How many lines with a title stand above the names, as spreadsheets have them.

    They fill one cell, or a third of the columns at most. Then the first line that fills more is
    the names: all of them there, each different and none a number.
    """
    rows = [[(cell or "").strip() for cell in row] for row in top[: MOST_TITLE_LINES + 1]]
    filled = [len(row) - row.count("") for row in rows]
    most = max(1, len(bare.names) // 3)
    if len(bare.names) < 3 or not filled or not 1 <= filled[0] <= most:
        return 0
    names = next((row for row, count in zip(rows, filled, strict=True) if count > most), [])
    if "" in names or len({*names}) < len(bare.names) or any(map(is_number, names)):
        return 0
    with lines_of(file) as lines:
        below = list(islice(lines, bare.skip, bare.skip + 2 * MOST_TITLE_LINES))
    found = [[cell.strip() for cell in cells] for cells in bare.cells(below)]
    # A cell of several lines above it: where the names begin is not known.
    return found.index(names) if names in found and len(found) == len(below) else 0


def _sniffed(connection: duckdb.DuckDBPyConnection, file: Path) -> tuple[Dialect, bool]:
    """DuckDB's findings: the dialect without a header, and whether there is one.

    Where lines differ in length it gives up the separator, or all lines above the last that
    differs; where it may ignore errors it takes a text above the table for the header. What gives
    the most cells is right.
    """
    rows = -1 if file.stat().st_size <= SNIFFED_WHOLE else SAMPLE_ROWS
    found: list[tuple[Dialect, bool, bool]] = []
    problem = None
    for tolerance in ("", ", skip = 1", _IGNORING, f"{_IGNORING}, strict_mode = false"):
        try:
            (values,) = connection.execute(
                "SELECT Delimiter, Quote, Escape, Comment, SkipRows, HasHeader, Columns FROM "
                f"sniff_csv({literal(str(file))}, sample_size = {rows}, max_line_size = "
                f"{LONGEST_LINE}, buffer_size = {2 * LONGEST_LINE}{tolerance})"
            ).fetchall()
        except duckdb.Error as error:
            problem = problem or error
            continue
        *signs, skip, has_header, columns = values
        delimiter, quote, escape, comment = ("" if s == "(empty)" else s for s in signs)
        dialect = Dialect(
            delimiter=delimiter,
            # A file may have its first quote below the sample.
            quote=quote or '"',
            escape=escape or ('"' if quote in ("", '"') else ""),
            comment=comment,
            skip=skip,
            header=False,
            names=("",) * len(columns),
        )
        commented = columns[0]["name"].startswith("#")
        if len(columns) > 1 and not skip and not commented and _fits(dialect, file):
            return dialect, has_header
        found.append((dialect, has_header, commented))
    if not found:
        assert problem
        raise problem

    def cells(one: tuple[Dialect, bool, bool]) -> tuple[bool, int]:
        dialect, _, commented = one
        if dialect.surplus(file):
            return False, 0
        ((count,),) = connection.execute(
            f"SELECT count(*) FROM {dialect.rows([file], LENIENT)}"
        ).fetchall()
        return not commented, count * len(dialect.names)

    dialect, has_header, _ = max(found, key=cells)
    return dialect, has_header


def _fits(dialect: Dialect, file: Path) -> bool:
    """Whether the lines at the top have the cells that DuckDB's dialect gives them, most of them.

    A first line with other signs than the table's can tell it wrong: `|1x3 Cross validator`.
    """
    with lines_of(file) as lines:
        top = [line for line in islice(lines, COMPARED_ROWS) if line.strip()]
    try:
        widths = [len(row) for row in dialect.cells(top)]
    except csv.Error:  # cells too long for it
        return True
    return 2 * widths.count(len(dialect.names)) >= len(widths)


def _is_header(
    first: list[str],
    body: list[tuple[str | None, ...]],
    sniffed: bool,
) -> bool:
    """Whether a first line holds names: DuckDB's word, but for what can be known better."""
    if first == [str(position) for position in range(len(first))]:
        return len(first) > 1  # as pandas names columns that have no name
    if _names_rows(first, body) or _names_numbers(first, body):
        return True
    if not sniffed:
        return _names_years(first) and not _recurs(first, body)
    if any(is_number(cell) for cell in first):
        return False
    return not _recurs(first, body)


def _names_rows(first: list[str], body: list[tuple[str | None, ...]]) -> bool:
    """Whether rows have names and their column has none, as R and pandas write tables."""
    return (
        len(first) > 1
        and not first[0]
        and all(first[1:])
        and len(set(first)) == len(first)
        and all((row[0] or "").strip() for row in body)
    )


def _names_years(first: list[str]) -> bool:
    """Whether years, one after the other, stand beside names: DuckDB takes them for values."""
    years = [int(cell) for cell in first if re.fullmatch(r"(18|19|20|21)\d\d", cell)]
    words = [cell for cell in first if cell and not is_number(cell)]
    return (
        len(years) > 1
        and len(words) == len(first) - len(years) > 0
        and all(after - before == 1 for before, after in pairwise(years))
    )


def _names_numbers(first: list[str], body: list[tuple[str | None, ...]]) -> bool:
    """Whether words stand above numbers; beside them, columns may be called 1, 2, 3, inf or nan.

    The names may occur again, as of files written one below another.
    """
    below = [[(cell or "").strip() for cell in row] for row in body]
    below = [row for row in below if row != first]
    counted = [cell for cell in first if is_number(cell)]
    if (
        len(below) < 2
        or "" in first
        or len(set(first)) < len(first)
        or len(counted) == 1
        or not all(map(str.isdecimal, counted))
        or any(int(after) - int(before) != 1 for before, after in pairwise(counted))
    ):
        return False
    above_numbers = [
        cell
        for cell, *column in zip(first, *below, strict=True)
        if re.search("[a-z]", cell, re.IGNORECASE)
        and cell.lower() not in MARKS
        and any(column)
        and all(is_number(other) for other in column if other)
    ]
    return bool(above_numbers) and not any(
        cell in column for cell, *column in zip(first, *below, strict=True) if not is_number(cell)
    )


def _recurs(first: list[str], body: list[tuple[str | None, ...]]) -> bool:
    """Whether the cells of the first line, half of them at least, occur below in their columns."""
    below = [{(cell or "").strip() for cell in column} for column in zip(*body, strict=True)]
    again = [cell in cells for cell, cells in zip(first, below, strict=False) if cell]
    return 2 * sum(again) > len(again)


def is_number(cell: str) -> bool:
    """Whether it is a number with digits: `nan` and `inf` may be names."""
    try:
        float(cell)
    except ValueError:
        return False
    return cell[-1:].isdigit() or cell[-1:] == "."
