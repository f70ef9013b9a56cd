"""Columns of a table that are no features: they say how rows are split and weighed."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.config.data import DataConfig
from pipeline.data.category import category_names
from pipeline.data.source import Roles
from pipeline.data.sources.tables import sql, units
from pipeline.data.sources.tables.date_forms import date_form
from pipeline.data.sources.tables.deciding import points_group
from pipeline.data.sources.tables.kinds import Mark, decimal
from pipeline.data.sources.tables.opening.open_table import OpenTable
from pipeline.data.sources.tables.survey import survey
from pipeline.errors import InputError

NUMERIC = ("time", "weight")
"""Roles that are numbers."""


def role_cells(
    table: OpenTable, roles: Mapping[str, int], mark: Mark | None, config: DataConfig
) -> dict[str, str]:
    """SQL for the cells of these columns: r and the key of the config that names the column.

    `mark`: the decimal mark of the file.
    """
    markers = ("", *config.missing_values)
    cells = {f"r{key}": sql.text(n, table.types[n], markers) for key, n in roles.items()}
    if "time" in roles:
        cells["rtime"] = _moment(table, roles["time"], markers, config.day_first)
    if "weight" in roles:
        cells["rweight"] = _number(table, roles["weight"], markers, mark, config)
    return cells


def roles_of(cells: pa.Table, roles: Mapping[str, int]) -> Roles:
    """What the cells say of each row."""
    found = {
        key: pc.fill_null(cells[f"r{key}"], np.nan if key in NUMERIC else "").to_numpy()
        for key in roles
    }
    part, group = (
        None if key not in found else category_names(found[key].astype(str))
        for key in ("split", "group")
    )
    return Roles(part, group, found.get("time"), found.get("weight"))


def _number(
    table: OpenTable, n: int, markers: Sequence[str], mark: Mark | None, config: DataConfig
) -> str:
    """SQL for a number as DOUBLE, NULL for what is none, read as a feature is."""
    kind = table.types[n]
    if sql.is_number(kind):
        return sql.typed_number(n)
    text = sql.text(n, kind, markers)
    found = survey(table, [n], markers)
    likelier, _ = decimal(found[n], mark)
    own = "," if points_group(table, n, found, mark, config) else likelier
    return units.number(text, own, found[n].units.unit)


def _moment(table: OpenTable, n: int, markers: Sequence[str], day_first: bool) -> str:
    """SQL for a date as seconds, or a number as it is, DOUBLE.

    Raises:
        InputError: where most cells are neither.
    """
    kind = table.types[n]
    if sql.is_number(kind):
        return sql.typed_number(n)
    if sql.is_date(kind):
        return f"epoch(c{n})"
    text = sql.text(n, kind, markers)
    given, numbers = table.one(
        f"SELECT count({text}), count({sql.number(text, '.')}) FROM {table.rows}"
    )
    if numbers == given:
        return sql.number(text, ".")
    form, dates, *_ = date_form(table, n, markers, day_first)
    if max(numbers, dates) < given:
        (other,) = table.one(
            f"SELECT min(t) FROM (SELECT {text} AS t FROM {table.rows}) "
            f"WHERE {sql.moment('t', form)} IS NULL"
        )
        raise InputError(
            f"data.time names a column of dates or numbers. {table.where} has {other!r} in column "
            f"{table.names[n]!r}. Correct it, or make it empty."
        )
    return sql.moment(text, form)
