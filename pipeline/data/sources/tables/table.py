"""Tables: files of any kind whose columns have names or numbers."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.config.data import DataConfig
from pipeline.data.category import category_names
from pipeline.data.rows.memory import check_fits
from pipeline.data.rows.streamed import BLOCKS, StreamedRows, exceeds, write_rows
from pipeline.data.source import Column, Source
from pipeline.data.sources.arrays_folder import ROWS
from pipeline.data.sources.reader import Reader
from pipeline.data.sources.tables import sql
from pipeline.data.sources.tables.columns import target_and_features
from pipeline.data.sources.tables.files import SUFFIXES, files_of, is_table
from pipeline.data.sources.tables.kinds import Decision, decided, left_out
from pipeline.data.sources.tables.opening import OpenTable, opened_table
from pipeline.data.sources.tables.survey import Survey, date_form, different, survey
from pipeline.data.target import labels_of
from pipeline.errors import InputError
from pipeline.tasks.labels import Labels

LABEL_MARKERS = ("", "nan", "na", "n/a", "null", "?")
"""Of labels, what means that there is none: "-" and "none" may be classes."""


class TableReader(Reader):
    """A table in one file or in several parts."""

    suffixes = SUFFIXES

    def recognises(self, spec: str) -> bool:
        """Whether it is a file, folder or pattern of tables."""
        return is_table(spec)

    def source(self, spec: str, config: DataConfig, scratch: Path | None) -> Source:
        """The source for a run: in memory, or with its numbers on disk where they exceed it."""
        files, kind = files_of(spec)
        path = Path(spec)
        with opened_table(files, kind, config, path.name) as table:
            return _source(table, path, config, scratch)

    def rows(self, spec: str, columns: tuple[Column, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Rows for inference; columns that the model does not read are ignored."""
        files, kind = files_of(spec)
        where = Path(spec).name
        names = [column.name for column in columns]
        with opened_table(files, kind, DataConfig(), where, names) as table:
            raise NotImplementedError


def _source(table: OpenTable, path: Path, config: DataConfig, scratch: Path | None) -> Source:
    rows = table.number_of_rows()
    if rows == 0 and not table.problems:
        raise InputError(f"There must be rows. {table.where} has a header and no row below it.")
    labels, features = target_and_features(config, table.names, table.where)
    decisions = decide(table, features, rows, config)
    kept = [n for n in features if decisions[n].kind]
    columns = tuple(Column(table.names[n], d.kind, d.form) for n in kept if (d := decisions[n]).kind)
    numeric = [n for n, column in zip(kept, columns, strict=True) if not column.is_category]
    textual = [n for n, column in zip(kept, columns, strict=True) if column.is_category]
    markers = ("", *config.missing_values)
    wanted = {f"n{n}": _number(table, n, decisions[n], markers) for n in numeric}
    wanted |= {f"t{n}": sql.text(n, table.types[n], markers) for n in textual}
    wanted |= {f"l{n}": sql.text(n, table.types[n], LABEL_MARKERS) for n in labels}
    others: list[pa.Table] = []
    on_disk = scratch is not None and exceeds(rows, len(columns), config.memory_bytes)

    def blocks() -> Iterator[np.ndarray]:
        size = max(1, config.memory_bytes // BLOCKS // (max(1, len(wanted)) * 8)) if on_disk else rows
        query = ", ".join(f"{value} AS {name}" for name, value in wanted.items())
        reader = table.connection.execute(f"SELECT {query} FROM {table.rows}").to_arrow_reader(size)
        for batch in reader:
            others.append(pa.table(batch.select([*(f"t{n}" for n in textual), *(f"l{n}" for n in labels)])) if textual or labels else pa.table({}))
            block = np.empty((batch.num_rows, len(numeric)))
            for place, n in enumerate(numeric):
                block[:, place] = pc.fill_null(batch.column(f"n{n}"), np.nan).to_numpy(zero_copy_only=False)
            yield block

    if on_disk:
        assert scratch
        write_rows(scratch / ROWS, blocks())
        numbers = StreamedRows(scratch / ROWS, config.memory_bytes)
    else:
        parts = list(blocks())
        numbers = parts[0] if len(parts) == 1 else np.concatenate(parts)
    texts = pa.concat_tables(others)
    categories = [category_names(_texts(texts[f"t{n}"], table.where)) for n in textual]
    return Source(
        name=path.stem,
        origin=path.name,
        columns=columns,
        numbers=numbers,
        categories=np.column_stack(categories) if categories else np.empty((rows, 0), "<U1"),
        test=None,
        image_shape=None,
        table=True,
        notes=tuple([*table.notes, *_notes(decisions, table)]),
        problems=tuple(table.problems),
        labels=_labels(texts, labels, table, config),
    )


def decide(
    table: OpenTable, features: Sequence[int], rows: int, config: DataConfig
) -> dict[int, Decision]:
    """What each of the columns is taken for."""
    markers = ("", *config.missing_values)
    chosen: dict[int, Decision] = {}
    plain = []
    for n in features:
        kind = table.types[n]
        if kind == "BOOLEAN":
            chosen[n] = Decision("boolean")
        elif sql.is_date(kind):
            chosen[n] = Decision("date", kind)
        elif not sql.is_text(kind) and not sql.is_number(kind):
            chosen[n] = left_out("nested", f"it holds {kind}")
        else:
            plain.append(n)
    found = survey(table, plain, markers)
    for n in plain:
        if table.names[n] in config.categorical:
            chosen[n] = Decision("category")
            continue
        chosen[n] = decided(
            found[n], table.names[n], n, rows, table.delimiter,
            lambda n=n: date_form(table, n, markers), lambda n=n: different(table, n, markers),
        )  # fmt: skip
    return chosen


def _number(table: OpenTable, n: int, decision: Decision, markers: Sequence[str]) -> str:
    """SQL for a cell as DOUBLE, whatever its kind; NULL where it is missing or bad."""
    kind = table.types[n]
    if sql.is_number(kind):
        return sql.typed_number(n)
    if sql.is_date(kind):
        return f"epoch(c{n})"
    if kind == "BOOLEAN":
        return f"c{n}::INTEGER::DOUBLE"
    text = sql.text(n, kind, markers)
    if decision.kind == "boolean":
        return sql.boolean(text)
    if decision.kind == "date":
        return sql.moment(text, decision.form)
    return sql.number(text, decision.form or ".")


def _texts(column: pa.ChunkedArray, where: str) -> np.ndarray:
    """Unicode (rows,), "" where missing."""
    longest = pc.max(pc.utf8_length(column)).as_py() or 0
    check_fits(len(column) * longest, 4, where)
    return pc.fill_null(column, "").to_numpy().astype(str)


def _labels(texts: pa.Table, labels: Sequence[int], table: OpenTable, config: DataConfig) -> Labels:
    columns = [_texts(texts[f"l{n}"], table.where) for n in labels]
    rows = texts.num_rows
    if isinstance(config.label, str):
        where = f"Column {table.names[labels[0]]!r} of {table.where}"
        return labels_of(columns[0], rows, config.unlabelled, where)
    names = np.column_stack(columns)
    where = f"The label columns of {table.where}"
    return labels_of(names, rows, config.unlabelled, where, tuple(table.names[n] for n in labels))


def _notes(decisions: dict[int, Decision], table: OpenTable) -> Iterator[str]:
    for n, decision in sorted(decisions.items()):
        if decision.kind is None:
            yield f"Column {table.names[n]!r} is left out ({decision.found}): {decision.why}."
        elif decision.why:
            yield f"Column {table.names[n]!r} is a {decision.kind}: {decision.why}."


_ = Survey
