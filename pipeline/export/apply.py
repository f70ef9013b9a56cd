"""A model applied to the rows of a source, of which there may be any number."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa

from pipeline.data.features.preprocessing import need_every_value
from pipeline.data.source import Layout, Wanted
from pipeline.data.sources.open_rows import OpenRows
from pipeline.data.sources.read import open_rows
from pipeline.errors import InputError
from pipeline.export.codes import check_dims, check_level
from pipeline.export.inference import BATCH_ROWS, Model, describe_model
from pipeline.export.row_notes import RowNotes
from pipeline.export.write_tables import write_tables

BLOCK_BATCHES = 24
"""That are read, asked of the model and written at a time, at most."""
BLOCK_VALUES = 2**23
"""That the model reads of a block, at most, unless a batch has more."""
MODEL_VERSION = "model_version"
"""What results call the column that says which model gave them, where that is asked for."""

Watch = Callable[[int, int], None]
"""Is told how many rows are done, first that none is, and how many there are."""


class Asked(NamedTuple):
    """What is asked of a model, for each row.

    Attributes:
        endpoint: the signature that gives it.
        keep: columns of a table that are carried into the results.
        level: that whose code is asked for, from 1, in place of the whole stack's.
        dims: how many dimensions of the whole stack's code.
        version: what the results say of the model, in a column before all others.
    """

    endpoint: str
    keep: tuple[str, ...] = ()
    level: int | None = None
    dims: int | None = None
    version: str | None = None


class Applied(NamedTuple):
    """What came of it."""

    rows: int
    notes: tuple[str, ...]
    """What the model cannot know or read of the rows, for people."""


def apply_model(folder: Path, asked: Asked, source: str, output: Path, watch: Watch) -> Applied:
    """Write what an exported model gives for each row of a source, in their order.

    Rows are read, asked of the model and written in blocks, so that memory does not grow with
    them; a block is whole batches, so that no number depends on its size. The output appears when
    it is whole.

    Raises:
        InputError: where rows do not fit the model, and where the output cannot be written.
    """
    described = describe_model(folder)
    endpoint = asked.endpoint
    if asked.level is not None:
        endpoint = check_level(described, asked.level, asked.dims)
    elif asked.dims is not None:
        check_dims(described, asked.dims)
    columns, layout = described["columns"], described["layout"]
    wanted = Wanted(tuple(columns), layout and Layout.from_json(layout), asked.keep)
    size = _block_rows(len(columns))
    with open_rows(source, wanted) as rows:
        if described["needs_every_value"]:
            need_every_value(columns, (block[:2] for block in rows.blocks(size)))
        model = Model(folder, described, endpoint)
        notes = RowNotes(columns, described["vocabularies"])
        write_tables(_results(model, asked, rows, size, notes, watch), output)
        return Applied(rows.rows, (*rows.notes(), *notes.notes()))


def _block_rows(columns: int) -> int:
    batches = BLOCK_VALUES // (columns * BATCH_ROWS)
    return BATCH_ROWS * min(max(1, batches), BLOCK_BATCHES)


def _results(
    model: Model, asked: Asked, rows: OpenRows, size: int, notes: RowNotes, watch: Watch
) -> Iterator[pa.Table]:
    done = 0
    watch(done, rows.rows)
    for block in rows.blocks(size):
        notes.add(block.numbers, block.categories)
        found = model(block.numbers, block.categories)
        if asked.dims is not None:
            found = found.iloc[:, : asked.dims]
        yield _with_kept(_as_table(found), block.kept, asked.version)
        done += len(found)
        watch(done, rows.rows)


def _as_table(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)


def _with_kept(found: pa.Table, kept: pa.Table | None, version: str | None) -> pa.Table:
    """The model's version, the columns that are kept, and what the model gave."""
    names = [] if kept is None else kept.column_names
    if taken := [name for name in names if name in (*found.column_names, MODEL_VERSION)]:
        raise InputError(
            f"Columns to keep need names of their own. {', '.join(map(repr, taken))} is what the "
            "model calls a column of its output. Leave it out of --keep."
        )
    if kept is not None:
        for place, name in enumerate(names):
            found = found.add_column(place, name, kept[name])
    if version is not None:
        found = found.add_column(0, MODEL_VERSION, pa.array([version] * found.num_rows))
    return found
