"""One table, written as people and programs write tables, is read to the same rows."""

import bz2
import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from pipeline.config.data import DataConfig
from pipeline.data.source import Source
from tests.pipeline.data.reading import read
from tests.pipeline.data.sources.spreadsheet import spreadsheet

ROWS = 60
NAMES = ("Größe", "weight", "town", "smokes", "since", "kind")
Cells = list[list[str]]


def table() -> pd.DataFrame:
    """Two numbers, a category with signs in it, a truth, a date and the target."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "Größe": rng.normal(1000, 500, ROWS).round(2),
            "weight": rng.integers(1, 9, ROWS) * 1000,
            "town": np.array(["Köln", "St. Gallen", 'the "Port"'])[rng.integers(0, 3, ROWS)],
            "smokes": np.array(["yes", "no"])[rng.integers(0, 2, ROWS)],
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, ROWS), "D"),
            "kind": np.array(["small", "large", "huge"])[rng.integers(0, 3, ROWS)],
        }
    )
    frame.loc[7, "Größe"] = np.nan
    frame.loc[9, "town"] = None
    return frame


def cells(missing: str = "") -> Cells:
    """Every cell as text."""
    frame = table().assign(since=lambda f: f.since.dt.strftime("%Y-%m-%d"))
    return [
        [missing if pd.isna(cell) else str(cell) for cell in row]
        for row in frame.itertuples(index=False)
    ]


def text(rows: Cells | None = None, header: bool = True, end: str = "\n", **dialect: object) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator=end, **dialect)
    writer.writerows([list(NAMES)] * header + (rows or cells()))
    return file.getvalue()


def german() -> str:
    """Decimal commas, dates with points."""
    rows = [
        [big.replace(".", ","), weight, town, smokes, ".".join(reversed(since.split("-"))), kind]
        for big, weight, town, smokes, since, kind in cells()
    ]
    return text(rows, delimiter=";")


def grouped(sign: str, point: str, **dialect: object) -> str:
    """Thousands set apart."""
    rows = cells()
    for row in rows:
        if row[0]:
            row[0] = f"{float(row[0]):,.2f}".replace(",", "#").replace(".", point)
            row[0] = row[0].replace("#", sign)
        row[1] = f"{int(row[1]):,}".replace(",", sign)
    return text(rows, **dialect)


def with_units() -> str:
    rows = cells()
    for row in rows:
        row[0] = row[0] and f"{row[0]} %"
        row[1] = f"${row[1]}"
    return text(rows)


def truth(yes: str, no: str) -> str:
    return text([[*row[:3], yes if row[3] == "yes" else no, *row[4:]] for row in cells()])


def dates(form: str) -> str:
    return text(
        [[*row[:4], pd.Timestamp(row[4]).strftime(form), row[5]] for row in cells()],
    )


def numbered() -> str:
    file = io.StringIO()
    pd.DataFrame(cells(), columns=list(NAMES)).to_csv(file)
    return file.getvalue()


def by_spaces() -> str:
    rows = [[cell.replace(" ", "_") or "NA" for cell in row] for row in cells()]
    return "\n".join("".join(cell.ljust(14) for cell in row) for row in [list(NAMES), *rows])


def sheet() -> bytes:
    return spreadsheet([NAMES, *cells()])


def zstd(content: bytes) -> bytes:
    return pa.compress(content, codec="zstd", asbytes=True)


def parquet() -> bytes:
    file = io.BytesIO()
    table().assign(smokes=lambda f: f.smokes == "yes").to_parquet(file)
    return file.getvalue()


def records(lines: bool) -> str:
    rows = [
        {name: cell if cell != "" else None for name, cell in zip(NAMES, row, strict=True)}
        for row in cells()
    ]
    for row in rows:
        for name in ("Größe", "weight"):
            row[name] = None if row[name] is None else float(row[name])
    return "\n".join(map(json.dumps, rows)) if lines else json.dumps(rows, indent=1)


PLAIN = text().encode
DIALECTS: dict[str, tuple[str, Callable[[], str | bytes]]] = {
    "commas": ("a.csv", text),
    "semicolons": ("a.csv", lambda: text(delimiter=";")),
    "tabs": ("a.tsv", lambda: text(delimiter="\t")),
    "bars": ("a.txt", lambda: text(delimiter="|")),
    "tabs in .csv": ("a.csv", lambda: text(delimiter="\t")),
    "commas in .data": ("a.data", text),
    "all quoted": ("a.csv", lambda: text(quoting=csv.QUOTE_ALL)),
    "single quotes": ("a.csv", lambda: text(quotechar="'", quoting=csv.QUOTE_ALL)),
    "backslashes": (
        "a.csv",
        lambda: text(quoting=csv.QUOTE_ALL, doublequote=False, escapechar="\\"),
    ),
    "no header": ("a.csv", lambda: text(header=False)),
    "no header, semicolons": ("a.csv", lambda: text(header=False, delimiter=";")),
    "no header, tabs": ("a.tsv", lambda: text(header=False, delimiter="\t")),
    "no header, all quoted": ("a.csv", lambda: text(header=False, quoting=csv.QUOTE_ALL)),
    "a byte-order mark": ("a.csv", lambda: PLAIN("utf-8-sig")),
    "UTF-16": ("a.csv", lambda: PLAIN("utf-16")),
    "UTF-16 without a mark": ("a.csv", lambda: PLAIN("utf-16-le")),
    "Latin-1": ("a.csv", lambda: PLAIN("latin-1")),
    "Windows": ("a.csv", lambda: text(end="\r\n").encode("cp1252")),
    "Windows' line ends": ("a.csv", lambda: text(end="\r\n")),
    "an old Macintosh's line ends": ("a.csv", lambda: text(end="\r")),
    "no last line end": ("a.csv", lambda: text().rstrip("\n")),
    "blank lines": ("a.csv", lambda: text().replace("\n", "\n\n", 3) + "\n\n"),
    "NA": ("a.csv", lambda: text(cells("NA"))),
    "?": ("a.csv", lambda: text(cells("?"))),
    "N/A": ("a.csv", lambda: text(cells("N/A"))),
    "null": ("a.csv", lambda: text(cells("null"))),
    "-": ("a.csv", lambda: text(cells("-"))),
    "NaN": ("a.csv", lambda: text(cells("NaN"))),
    "None": ("a.csv", lambda: text(cells("None"))),
    "spaces around": ("a.csv", lambda: text([[f" {c} " for c in row] for row in cells()])),
    "decimal commas": ("a.csv", german),
    "thousands with commas": ("a.csv", lambda: grouped(",", ".")),
    "thousands with points": ("a.csv", lambda: grouped(".", ",", delimiter=";")),
    "thousands with spaces": ("a.csv", lambda: grouped(" ", ".")),
    "thousands with apostrophes": ("a.csv", lambda: grouped("'", ".")),
    "units": ("a.csv", with_units),
    "True": ("a.csv", lambda: truth("True", "False")),
    "1": ("a.csv", lambda: truth("1", "0")),
    "T": ("a.csv", lambda: truth("T", "F")),
    "days first": ("a.csv", lambda: dates("%d/%m/%Y")),
    "months by name": ("a.csv", lambda: dates("%d %b %Y")),
    "midnights": ("a.csv", lambda: dates("%Y-%m-%dT%H:%M:%S")),
    "row numbers": ("a.csv", numbered),
    "gzip": ("a.csv.gz", lambda: gzip.compress(PLAIN("utf-8"))),
    "gzip, Latin-1": ("a.csv.gz", lambda: gzip.compress(PLAIN("latin-1"))),
    "zstd": ("a.csv.zst", lambda: zstd(PLAIN("utf-8"))),
    "bzip2": ("a.csv.bz2", lambda: bz2.compress(PLAIN("utf-8"))),
    "gzip without its suffix": ("a.csv", lambda: gzip.compress(PLAIN("utf-8"))),
    "zstd without its suffix, Latin-1": ("a.csv", lambda: zstd(PLAIN("latin-1"))),
    "gzip's suffix alone, as browsers leave it": ("a.csv.gz", text),
    "gzip called bzip2": ("a.csv.bz2", lambda: gzip.compress(PLAIN("utf-8"))),
    "comments": ("a.csv", lambda: "# measured in 2020\n# by Ann, mostly\n" + text()),
    "a title": ("a.csv", lambda: "Measured in 2020\n\n" + text()),
    "a spreadsheet": ("a.xlsx", sheet),
    "Parquet": ("a.parquet", parquet),
    "JSON": ("a.json", lambda: records(lines=False)),
    "lines of JSON": ("a.jsonl", lambda: records(lines=True)),
    "JSON, gzip without its suffix": ("a.json", lambda: gzip.compress(records(False).encode())),
    "lines of JSON, gzip's suffix alone": ("a.jsonl.gz", lambda: records(lines=True)),
}


def read_table(path: Path) -> Source:
    return read(DataConfig(source=str(path), label="-1"))


def check_same(source: Source) -> None:
    """Those values, whatever the columns are called."""
    expected = table()
    numbers = np.column_stack(
        [
            expected["Größe"],
            expected.weight,
            expected.smokes == "yes",
            (expected.since - pd.Timestamp(0)) / pd.Timedelta(seconds=1),
        ]
    )
    kinds = ["number", "number", "category", "boolean", "date"]
    assert [column.kind for column in source.columns] == kinds
    np.testing.assert_array_equal(source.numbers, numbers)
    assert source.categories[:, 0].tolist() == expected.town.fillna("").tolist()
    assert source.target is not None
    assert source.target.tolist() == expected.kind.tolist()


@pytest.mark.parametrize(("name", "write"), DIALECTS.values(), ids=DIALECTS)
def test_it_is_read_to_the_same_rows(name: str, write: Callable[[], str | bytes], tmp_path: Path):
    content = write()
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    check_same(read_table(tmp_path / name))


@pytest.mark.parametrize("name", ["a.data", "a.data.gz"])
def test_columns_parted_by_spaces_are_read(name: str, tmp_path: Path):
    content = by_spaces().encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    source = read_table(tmp_path / name)
    np.testing.assert_array_equal(source.numbers[:, 0], table()["Größe"])
    assert set(source.categories[:, 0]) == {"Köln", "St._Gallen", 'the_"Port"', ""}


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_folder_of_parts_is_one_table(suffix: str, tmp_path: Path):
    frame = table().assign(smokes=lambda f: f.smokes == "yes")
    for part, rows in enumerate(np.array_split(np.arange(ROWS), 3)):
        path = tmp_path / "parts" / f"part-{part}.{suffix}"
        path.parent.mkdir(exist_ok=True)
        some = frame.iloc[rows]
        some.to_csv(path, index=False) if suffix == "csv" else some.to_parquet(path)
    check_same(read_table(tmp_path / "parts"))
    check_same(read_table(tmp_path / "parts" / f"*.{suffix}"))
