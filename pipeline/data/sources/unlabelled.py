"""Rows without labels from a second source, put behind those of the first."""

from dataclasses import replace

import numpy as np

from pipeline.counting import counted
from pipeline.data.rows.memory import check_fits
from pipeline.data.rows.streamed import StreamedRows
from pipeline.data.source import RawRows, Roles, Source
from pipeline.errors import InputError
from pipeline.tasks.labels import Labels


def with_unlabelled(source: Source, more: RawRows, where: str) -> Source:
    """The source with more rows (of its columns), none of which has a label or is a test row.

    Raises:
        InputError: where the source's own rows stay on disk, all together do not fit in memory, or
            rows are split by their groups or by time: those that are added might be test rows'.
    """
    if isinstance(source.numbers, StreamedRows):
        raise InputError(
            f"data.unlabelled_rows adds rows to those in memory. Given: {where}, and "
            f"{source.name}, whose rows need more than data.memory. Raise data.memory, or write "
            "all rows into one file, with empty labels."
        )
    roles = _roles(source, len(more.numbers), where)
    rows, added = source.rows, len(more.numbers)
    check_fits((rows + added) * len(source.columns), 8, f"{source.name} with {where}")
    test = None if source.test is None else np.append(source.test, np.zeros(added, bool))
    return replace(
        source,
        numbers=np.concatenate([source.numbers, more.numbers]),
        categories=np.concatenate([source.categories, more.categories]),
        test=test,
        roles=roles,
        labels=source.labels and _longer(source.labels, added),
        notes=(
            *source.notes,
            f"{where} adds {counted(added, 'row')} without a label.",
            *more.notes,
        ),
    )


def _roles(source: Source, added: int, where: str) -> Roles:
    roles = source.roles
    if roles.group is not None or roles.time is not None:
        key = "group" if roles.time is None else "time"
        raise InputError(
            f"data.{key} must be known of all rows, so that none pretrains that belongs to test "
            f"rows. Given: data.unlabelled_rows: {where}, of which only features are read. Write "
            "all rows into one file, with empty labels."
        )
    if roles.weight is not None:  # of rows without a label it is not asked
        roles = roles._replace(weight=np.append(roles.weight, np.full(added, np.nan)))
    if roles.part is not None:
        roles = roles._replace(part=np.append(roles.part, np.full(added, "train")))
    return roles


def _longer(labels: Labels, added: int) -> Labels:
    shape = (added, *labels.names.shape[1:])
    values = labels.values if labels.values.dtype.kind in "fU" else labels.names
    missing = np.full(shape, np.nan if values.dtype.kind == "f" else "", values.dtype)
    return labels._replace(
        values=np.concatenate([values, missing]),
        names=np.concatenate([labels.names, np.full(shape, "", labels.names.dtype)]),
    )
