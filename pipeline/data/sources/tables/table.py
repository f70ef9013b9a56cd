"""Tables: files of any kind whose columns have names or numbers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.config.data import DataConfig
from pipeline.data.source import Column, Layout, LookedAt, Source, Wanted
from pipeline.data.sources.open_rows import OpenRows
from pipeline.data.sources.reader import Reader
from pipeline.data.sources.tables import sql
from pipeline.data.sources.tables.cells import categories_of, label_markers, read_cells, texts_of
from pipeline.data.sources.tables.columns import (
    as_written,
    chosen_columns,
    likely_target,
)
from pipeline.data.sources.tables.deciding import decide, decimal_mark, label_marks
from pipeline.data.sources.tables.notes import (
    decision_notes,
    label_notes,
    rounding_notes,
    spelling_notes,
)
from pipeline.data.sources.tables.opening.files import (
    SUFFIXES,
    is_table,
    name_of,
    parts_of,
    without_suffix,
)
from pipeline.data.sources.tables.opening.open_table import OpenTable, opened_table
from pipeline.data.sources.tables.roles import role_cells, roles_of
from pipeline.data.sources.tables.survey import survey
from pipeline.data.sources.tables.table_rows import TableRows, as_in_training, texts_for
from pipeline.data.target import labels_of
from pipeline.errors import InputError, raise_all
from pipeline.tasks.labels import Labels

CURE = (
    "name the column in data.ignore, data.numeric, data.boolean, data.dates or data.categorical, "
    "or correct the file."
)
TARGET_CURE = "write plain numbers in the file, 1037.5 and not 1,037.5 or 5 %."


class TableReader(Reader):
    """A table in one file or in several parts."""

    suffixes = SUFFIXES

    def recognises(self, spec: str) -> bool:
        """Whether it is a file, folder or pattern of tables."""
        return is_table(spec)

    def source(self, spec: str, config: DataConfig, scratch: Path | None) -> Source:
        """The source for a run: in memory, or with its numbers on disk where they exceed it."""
        texts = partial(as_written, config)
        with opened_table(parts_of(spec), config, name_of(spec), texts) as table:
            return _source(table, config, scratch)

    @contextmanager
    def opened(self, spec: str, wanted: Wanted) -> Iterator[OpenRows]:
        """Rows for inference, matched by name; of a file without names, by position.

        Nothing of a file is copied, so that memory and disk do not grow with it.
        """
        config = as_in_training(wanted.layout)
        texts = partial(texts_for, wanted)
        files, where = parts_of(spec), name_of(spec)
        with opened_table(files, config, where, texts, wanted.columns) as table:
            _rows_of(table)
            yield TableRows(table, wanted, config.missing_values)

    def likely_label(self, spec: str, config: DataConfig) -> str:
        """The column that is the target most likely."""
        with opened_table(parts_of(spec), config, name_of(spec), lambda names: ()) as table:
            return table.names[likely_target(table.names)]


def _rows_of(table: OpenTable) -> int:
    rows = table.number_of_rows
    if rows == 0:
        raise_all(table.problems)
        raise InputError(f"There must be rows. {table.where} has a header and no row below it.")
    return rows


def _source(table: OpenTable, config: DataConfig, scratch: Path | None) -> Source:
    rows = _rows_of(table)
    chosen = chosen_columns(config, table.names, table.where)
    labels, features = chosen.labels, chosen.features
    markers = ("", *config.missing_values)
    looked_at = [n for n in (*labels, *features) if sql.is_plain(table.types[n])]
    found = survey(table, looked_at, markers)
    mark = decimal_mark(table, found, config)
    decisions = decide(table, found, chosen, rows, mark, config)
    marks = label_marks(table, found, labels, mark, config)
    kept = {
        n: Column(table.names[n], decision.kind, decision.form, decision.unit)
        for n in features
        if (decision := decisions[n]).kind
    }
    if not kept:
        left = " ".join(decision_notes(decisions, table))
        raise InputError(
            *table.problems,
            f"A feature column must remain beside the label. {table.where} has none. {left}",
        )
    cells = role_cells(table, chosen.roles, mark, config)
    numbers, texts = read_cells(
        table, kept, found, {n: marks.get(n) for n in labels}, config, scratch, cells
    )
    of_target = [*spelling_notes(table, labels, marks, found)]
    notes = [
        *table.notes,
        *decision_notes(decisions, table),
        *of_target,
        *label_notes(table, labels, label_markers(config), config.unlabelled),
        *rounding_notes(table, kept, found, markers),
    ]
    problems = list(table.problems)
    if config.strict:
        fit = {n: decisions[n] for n in chosen.kinds if not decisions[n].bad}
        said = [*decision_notes(fit, table)]
        problems += [
            f"{note} data.strict leaves that to you: {TARGET_CURE if note in of_target else CURE}"
            for note in notes
            if note not in said
        ]
    return Source(
        name=without_suffix(table.where),
        origin=table.where,
        columns=tuple(kept.values()),
        numbers=numbers,
        categories=categories_of(texts, kept, table.where),
        test=None,
        image_shape=None,
        table=True,
        looked_at=tuple(
            LookedAt(table.names[n], d.kind or d.found, d.kind is not None, d.why)
            for n, d in decisions.items()
        ),
        notes=tuple(notes),
        problems=tuple(problems),
        labels=_labels(texts, labels, table, config) if labels else None,
        layout=Layout(
            table.names,
            tuple(table.names[n] for n in labels),
            table.named,
            tuple(config.missing_values),
            config.sheet,
        ),
        roles=roles_of(texts, chosen.roles),
    )


def _labels(texts: pa.Table, labels: Sequence[int], table: OpenTable, config: DataConfig) -> Labels:
    columns = [texts_of(texts[f"l{n}"], table.where) for n in labels]
    rows = texts.num_rows
    if isinstance(config.label, str):
        where = f"Column {table.names[labels[0]]!r} of {table.where}"
        return labels_of(columns[0], rows, config.unlabelled, where)
    names = np.column_stack(columns)
    where = f"The label columns of {table.where}"
    return labels_of(names, rows, config.unlabelled, where, tuple(table.names[n] for n in labels))
