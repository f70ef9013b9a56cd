"""What people are told of a table that was read: what was decided, and what is lost."""

from collections.abc import Iterator, Mapping, Sequence

from pipeline.counting import counted
from pipeline.data.source import Column, Wanted
from pipeline.data.sources.tables import sql
from pipeline.data.sources.tables.cells import number_of
from pipeline.data.sources.tables.kinds import Decision, Mark
from pipeline.data.sources.tables.opening.connection import literal
from pipeline.data.sources.tables.opening.open_table import OpenTable
from pipeline.data.sources.tables.survey import Survey
from pipeline.data.sources.tables.units import NO_UNITS, several_told, told

LISTED = 30
EXACT = 2**53
"""Up to here a float64 holds every integer."""


def decision_notes(decisions: dict[int, Decision], table: OpenTable) -> Iterator[str]:
    """Of each column that is no plain case, what it is taken for and why."""
    for n, decision in sorted(decisions.items()):
        if decision.kind is None:
            yield f"Column {table.names[n]!r} is left out ({decision.found}): {decision.why}."
        elif decision.why:
            end = "" if decision.why.endswith("?") else "."
            yield f"Column {table.names[n]!r} is a {decision.kind}: {decision.why}{end}"


def spelling_notes(
    table: OpenTable, labels: Sequence[int], marks: Mapping[int, Mark], found: Mapping[int, Survey]
) -> Iterator[str]:
    """How the numbers of the target's columns are written where they are not plain."""
    for n in labels:
        name, units = table.names[n], found[n].units if n in found else NO_UNITS
        if units.several:
            yield f"Column {name!r}, the target, {several_told(units)}."
        elif n in marks and units.unit:
            yield f"Column {name!r}, the target, is a number: {told(units.unit)}."
        elif n in marks:
            comma = marks[n] == ","
            how = "a decimal comma, or thousands set apart" if comma else "thousands or units"
            yield f"Column {name!r}, the target, is a number: written with {how}."


def label_notes(
    table: OpenTable, labels: Sequence[int], markers: Sequence[str], unlabelled: str | None
) -> Iterator[str]:
    """Which words in the target's columns mean that a row has no label."""
    for n in labels:
        if not sql.is_text(table.types[n]):
            continue
        text = sql.given(f"c{n}", ("",))
        words = ", ".join(literal(marker) for marker in markers)
        found = table.connection.execute(
            f"SELECT t, count(*) AS n FROM (SELECT {text} AS t FROM {table.rows}) "
            f"WHERE lower(t) IN ({words}) AND t IS DISTINCT FROM ? GROUP BY t ORDER BY n DESC, t",
            [unlabelled],
        ).fetchall()
        for word, rows in found:
            yield (
                f"Rows have no label where column {table.names[n]!r} says {word!r}: {rows} of "
                "them. If it is a class, set data.missing_values without it."
            )


def rounding_notes(
    table: OpenTable,
    columns: Mapping[int, Column],
    found: Mapping[int, Survey],
    markers: Sequence[str],
) -> Iterator[str]:
    """Of columns of numbers, whether integers become equal as float64."""
    for n, column in columns.items():
        counts = found.get(n)
        if column.kind != "number" or not counts or counts.integers < counts.given or (
            max(-(counts.least or 0), counts.greatest or 0) < EXACT
        ):  # fmt: skip
            continue
        text = sql.text(n, table.types[n], markers)
        exact, rounded = table.one(
            f"SELECT count(DISTINCT TRY_CAST(t AS HUGEINT)), count(DISTINCT TRY_CAST(t AS DOUBLE)) "
            f"FROM (SELECT {text} AS t FROM {table.rows})"
        )
        if rounded < exact:
            yield (
                f"Numbers have 53 binary digits (float64). In {table.where}, column "
                f"{column.name!r} has integers that become equal. If they are identifiers, name "
                "the column in data.categorical or leave it out with data.ignore."
            )


def extra_notes(table: OpenTable, wanted: Wanted) -> Iterator[str]:
    """Columns that the table of training had not, and names that it had and these rows have not."""
    if wanted.layout is None:
        return
    if not table.named:
        if wanted.layout.named:
            order = next(order for order in wanted.orders if len(order) == len(table.names))
            yield (
                f"{table.where} has no header: its columns are taken by their order for "
                f"{', '.join(map(repr, order[:LISTED]))}{', ...' if len(order) > LISTED else ''}."
            )
        return
    known = {*wanted.layout.names, *(column.name for column in wanted.columns), *wanted.keep}
    if extra := [name for name in table.names if name not in known]:
        more = f" and {len(extra) - LISTED} more" if len(extra) > LISTED else ""
        yield (
            f"{table.where} has columns that {wanted.beside or 'the table of training'} has not, "
            "which are ignored: "
            f"{', '.join(map(repr, extra[:LISTED]))}{more}."
        )


def unread_notes(
    table: OpenTable,
    columns: Mapping[int, Column],
    found: Mapping[int, Survey],
    given: Mapping[int, int],
    unread: Mapping[int, int],
    markers: Sequence[str],
    beside: str,
) -> Iterator[str]:
    """Of columns of text and numbers with cells that are not of the model's kind, how many.

    `given`: cells that are neither empty nor a mark of what is missing; `unread`: those of them
    that were not read, where there are any.
    """
    for n, bad in unread.items():
        text = sql.text(n, table.types[n], markers)
        number = number_of(table, n, columns[n], found.get(n), markers)
        (first,) = table.one(
            f"SELECT min(t) FROM (SELECT {text} AS t, {number} AS v FROM {table.rows}) "
            "WHERE v IS NULL"
        )
        yield (
            f"Column {columns[n].name!r} of {table.where} is a {columns[n].kind} "
            f"{f'in {beside}' if beside else 'for the model'}. "
            f"{bad} of {counted(given[n], 'cell')} {'is' if bad == 1 else 'are'} none, such "
            f"as {first!r}: {'it counts' if bad == 1 else 'they count'} as missing."
        )
