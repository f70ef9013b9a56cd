"""Tables: files of any kind whose columns have names or numbers."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.config.data import DataConfig
from pipeline.data.category import category_names
from pipeline.data.rows.memory import check_fits
from pipeline.data.rows.streamed import BLOCKS, Rows, StreamedRows, exceeds, write_rows
from pipeline.data.source import Column, LookedAt, RawRows, Source
from pipeline.data.sources.arrays_folder import ROWS
from pipeline.data.sources.reader import Reader
from pipeline.data.sources.tables import sql
from pipeline.data.sources.tables.columns import Chosen, chosen_columns, positions_of
from pipeline.data.sources.tables.files import SUFFIXES, files_of, is_table
from pipeline.data.sources.tables.kinds import Decision, Mark, decided, left_out, said
from pipeline.data.sources.tables.opening import OpenTable, opened_table
from pipeline.data.sources.tables.survey import Survey, date_form, different, survey, thousands
from pipeline.data.target import labels_of
from pipeline.errors import InputError, raise_all
from pipeline.tasks.labels import Labels

BYTES = 32
"""Of a cell while it is read: DuckDB and PyArrow keep what they read ahead."""
EXACT = 2**53
"""Up to here a float64 holds every integer."""
LISTED = 30
CURE = "name the column in data.ignore or data.categorical, or correct the file."
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

    def rows(self, spec: str, columns: tuple[Column, ...]) -> RawRows:
        """Rows for inference, matched by name; of a file without names, by position."""
        files, kind = files_of(spec)
        where = Path(spec).name
        names = [column.name for column in columns]
        with opened_table(files, kind, DataConfig(bad_rows="skip"), where, names) as table:
            by_name = {column.name: column for column in columns}
            positions = positions_of(names, table.names, table.named, where)
            wanted = {n: by_name[name] for n, name in positions.items()}
            markers = ("", *DataConfig().missing_values)
            found = survey(table, [n for n in wanted if sql.is_plain(table.types[n])], markers)
            numbers, texts = _read(table, wanted, found, (), DataConfig(), None)
            assert isinstance(numbers, np.ndarray)
            notes = [*table.notes, *_unread(table, wanted, found, numbers, markers)]
            return RawRows(numbers, _categories(texts, wanted, where), tuple(notes))


def _source(table: OpenTable, path: Path, config: DataConfig, scratch: Path | None) -> Source:
    rows = table.number_of_rows()
    if rows == 0:
        raise_all(table.problems)
        raise InputError(f"There must be rows. {table.where} has a header and no row below it.")
    chosen = chosen_columns(config, table.names, table.where)
    labels, features = chosen.labels, chosen.features
    markers = ("", *config.missing_values)
    looked_at = [n for n in (*labels, *features) if sql.is_plain(table.types[n])]
    found = survey(table, looked_at, markers)
    decisions = decide(table, found, chosen, rows, config)
    kept = {
        n: Column(table.names[n], decision.kind, decision.form)
        for n in features
        if (decision := decisions[n]).kind
    }
    if not kept:
        left = " ".join(_notes(decisions, table))
        raise InputError(
            *table.problems,
            f"A feature column must remain beside the label. {table.where} has none. {left}",
        )
    numbers, texts = _read(table, kept, found, labels, config, scratch)
    notes = [*table.notes, *_notes(decisions, table), *_rounded(table, kept, found, markers)]
    problems = list(table.problems)
    if config.strict:
        problems += [f"{note} data.strict leaves that to you: {CURE}" for note in notes]
    return Source(
        name=path.stem,
        origin=path.name,
        columns=tuple(kept.values()),
        numbers=numbers,
        categories=_categories(texts, kept, table.where),
        test=None,
        image_shape=None,
        table=True,
        looked_at=tuple(
            LookedAt(table.names[n], d.kind or d.found, d.kind is not None, d.why)
            for n, d in decisions.items()
        ),
        notes=tuple(notes),
        problems=tuple(problems),
        labels=_labels(texts, labels, table, config),
    )


def _read(
    table: OpenTable,
    columns: Mapping[int, Column],
    found: Mapping[int, Survey],
    labels: Sequence[int],
    config: DataConfig,
    scratch: Path | None,
) -> tuple[Rows, pa.Table]:
    """Numbers float64 (rows, number columns), and categories and labels as text: t0, l0, ...

    Numbers that exceed data.memory are in a file in the folder `scratch`, if there is one.
    """
    markers = ("", *config.missing_values)
    numeric = [n for n, column in columns.items() if not column.is_category]
    textual = [n for n, column in columns.items() if column.is_category]
    wanted = {f"n{n}": _number(table, n, columns[n], found.get(n), markers) for n in numeric}
    wanted |= {f"t{n}": sql.text(n, table.types[n], markers) for n in textual}
    wanted |= {f"l{n}": sql.text(n, table.types[n], LABEL_MARKERS) for n in labels}
    rows = table.number_of_rows()
    on_disk = scratch is not None and exceeds(rows, len(columns), config.memory_bytes)
    if on_disk and textual:
        names = ", ".join(repr(columns[n].name) for n in textual[:LISTED])
        raise InputError(
            "Rows that stay on disk have columns of numbers alone. "
            f"{table.where}, whose rows need more than data.memory: {config.memory:g}, has "
            f"categories: {names}. Raise data.memory, or leave these columns out with data.ignore."
        )
    if not on_disk:
        check_fits(rows * len(columns), 8, table.where)
    others: list[pa.RecordBatch] = []

    def blocks() -> Iterator[np.ndarray]:
        at_once = max(1, config.memory_bytes // BLOCKS // (max(1, len(wanted)) * BYTES))
        for batch in table.batches(wanted, at_once):
            others.append(batch.select([name for name in wanted if name[0] != "n"]))
            block = np.empty((batch.num_rows, len(numeric)))
            for place, n in enumerate(numeric):
                found = pc.fill_null(batch.column(f"n{n}"), np.nan)
                block[:, place] = found.to_numpy(zero_copy_only=False)
            yield block

    numbers: Rows
    if on_disk:
        assert scratch
        write_rows(scratch / ROWS, blocks())
        numbers = StreamedRows(scratch / ROWS, config.memory_bytes)
    else:
        numbers = np.concatenate([np.empty((0, len(numeric))), *blocks()])
    return numbers, pa.Table.from_batches(others)


def _categories(texts: pa.Table, columns: Mapping[int, Column], where: str) -> np.ndarray:
    """Unicode (rows, category columns)."""
    found = [
        category_names(_texts(texts[f"t{n}"], where))
        for n, column in columns.items()
        if column.is_category
    ]
    widest = max((column.dtype.itemsize for column in found), default=0)
    check_fits(texts.num_rows * len(found), widest, where)  # side by side all are as wide
    return np.column_stack(found) if found else np.empty((texts.num_rows, 0), "<U1")


def decide(
    table: OpenTable, found: Mapping[int, Survey], columns: Chosen, rows: int, config: DataConfig
) -> dict[int, Decision]:
    """What each of the feature columns is taken for."""
    markers = ("", *config.missing_values)
    chosen: dict[int, Decision] = {}
    first_of = {
        found[n].digest: n for n in reversed([*columns.labels, *columns.features]) if n in found
    }
    mark = _decimal_mark(table, found, config)
    for n in columns.features:
        kind, name = table.types[n], table.names[n]
        dates = partial(date_form, table, n, markers, config.day_first)
        if kind == "BOOLEAN":
            chosen[n] = Decision("boolean")
        elif sql.is_date(kind):
            chosen[n] = Decision("date", sql.ISO)
        elif n not in found:
            chosen[n] = left_out("nested", f"it holds {kind}")
        elif n in columns.kinds:
            chosen[n] = said(columns.kinds[n], found[n], mark or ".", dates)
        elif mark == "," and _is_plain(found[n]) and thousands(table, n, markers):
            chosen[n] = Decision("number", ",", "the points of the file set thousands apart")
        elif (original := first_of[found[n].digest]) != n and found[n].first != found[n].last:
            what = "the target" if original in columns.labels else repr(table.names[original])
            chosen[n] = left_out("copy", f"in every row it is what {what} is")
        else:
            exact = partial(different, table, n, markers)
            chosen[n] = decided(found[n], name, n, rows, mark, dates, exact)
    return chosen


def _decimal_mark(table: OpenTable, found: Mapping[int, Survey], config: DataConfig) -> Mark | None:
    """That of a file: as the config says, or as those columns show that can be read in one way."""
    if config.decimal != "auto":
        return config.decimal
    if any(counts.commas > counts.points for counts in found.values()):
        return ","
    if any(counts.points > counts.commas for counts in found.values()):
        return "."
    return "," if table.delimiter == ";" else None


def _is_plain(counts: Survey) -> bool:
    return counts.plain == counts.given


def _number(
    table: OpenTable, n: int, column: Column, found: Survey | None, markers: Sequence[str]
) -> str:
    """SQL for a cell as DOUBLE, whatever its kind; NULL where it is missing or bad."""
    kind = table.types[n]
    if sql.is_number(kind):
        return sql.typed_number(n)
    if sql.is_date(kind):
        return f"epoch(c{n})"
    if kind == "BOOLEAN":
        return f"c{n}::INTEGER::DOUBLE"
    text = sql.text(n, kind, markers)
    match column.kind:
        case "boolean":
            return sql.boolean(text)
        case "date":
            return sql.moment(text, column.form)
        case _ if found and _is_plain(found) and not column.form:
            return f"TRY_CAST(c{n} AS DOUBLE)"  # what is missing is no number, or NaN
        case _:
            return sql.number(text, column.form or ".")


def _unread(
    table: OpenTable,
    columns: Mapping[int, Column],
    found: Mapping[int, Survey],
    numbers: np.ndarray,
    markers: Sequence[str],
) -> Iterator[str]:
    """Of columns of text whose cells are not of the model's kind, how many count as missing."""
    numeric = [n for n, column in columns.items() if not column.is_category]
    for place, n in enumerate(numeric):
        read = int((~np.isnan(numbers[:, place])).sum())
        if n not in found or read == found[n].given:
            continue
        text = sql.text(n, table.types[n], markers)
        number = _number(table, n, columns[n], found[n], markers)
        (first,) = table.one(
            f"SELECT min(t) FROM (SELECT {text} AS t, {number} AS v FROM {table.rows}) "
            "WHERE v IS NULL"
        )
        yield (
            f"Column {columns[n].name!r} of {table.where} is a {columns[n].kind} for the model. "
            f"{found[n].given - read} of {found[n].given} cells are none, such as {first!r}: they "
            "count as missing."
        )


def _rounded(
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


def _texts(column: pa.ChunkedArray, where: str) -> np.ndarray:
    """Unicode (rows,), "" where missing."""
    longest = pc.max(pc.utf8_length(column)).as_py() or 0
    check_fits(len(column) * longest, 1, where)  # four bytes a character
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
