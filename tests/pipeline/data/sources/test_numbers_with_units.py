"""Units behind numbers: 12 kg, 21 °C, $5, 3.7M."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.config.data import DataConfig
from pipeline.data.source import Column, Source, Wanted
from pipeline.data.sources.tables.table import TableReader
from tests.pipeline.data.reading import read

ROWS = 120
SIZES = np.round(np.random.default_rng(0).uniform(1, 90, ROWS), 1)


def table(path: Path, cells: list[str], **keys: object) -> DataConfig:
    """A column of these cells beside a number and two classes."""
    rows = "".join(f"{n % 7}\t{cell}\t{'pq'[n % 2]}\n" for n, cell in enumerate(cells))
    path.write_text(f"w\tsize\ty\n{rows}", encoding="utf-8")
    return DataConfig.model_validate({"source": str(path), "label": "y", **keys})


def size_of(source: Source) -> np.ndarray:
    assert source.columns[1].kind == "number"
    return np.asarray(source.numbers[:, 1])


UNITS = ("kg", "°C", "km/h", "mg/dL", "m²", "cm^2", "sq ft", "%", "$", "M", "h")


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("space", ["", " "])
def test_numbers_with_one_unit_are_numbers_and_it_is_said(unit: str, space: str, tmp_path: Path):
    source = read(table(tmp_path / "a.tsv", [f"{size}{space}{unit}" for size in SIZES]))
    assert source.columns[1] == Column("size", "number", "", unit)
    np.testing.assert_allclose(size_of(source), SIZES)
    assert source.notes == (f"Column 'size' is a number: unit {unit} taken off.",)


def test_a_unit_stands_behind_decimal_commas_and_thousands_too(tmp_path: Path):
    cells = [f"{size * 100:,.2f} kg".translate(str.maketrans(",.", ".,")) for size in SIZES]
    source = read(table(tmp_path / "a.tsv", cells))
    assert source.columns[1] == Column("size", "number", ",", "kg")
    np.testing.assert_allclose(size_of(source), SIZES * 100)


def test_one_day_and_two_days_are_of_one_unit(tmp_path: Path):
    days = [n * 37 % 91 for n in range(ROWS)]
    source = read(table(tmp_path / "a.tsv", [f"{n} day{'s' * (n != 1)}" for n in days]))
    np.testing.assert_array_equal(size_of(source), days)


def test_a_few_cells_in_another_unit_are_missing_and_those_without_one_have_it(tmp_path: Path):
    cells = [f"{size} kg" for size in SIZES]
    cells[3], cells[4], cells[5] = "12", "300 g", "heavy"
    source = read(table(tmp_path / "a.tsv", cells))
    assert np.flatnonzero(np.isnan(size_of(source))).tolist() == [4, 5]
    assert size_of(source)[3] == 12
    assert "unit kg taken off; 2 cells are none and count as missing" in source.notes[0]


MAGNITUDES = {
    "people": ([f"{size}M" if n % 2 else f"{size * 10:.0f}k" for n, size in enumerate(SIZES)],
               [size * 1e6 if n % 2 else round(size * 10) * 1e3 for n, size in enumerate(SIZES)]),
    "bytes": ([f"{size} MB" if n % 2 else f"{size} kB" for n, size in enumerate(SIZES)],
              [size * 1e6 if n % 2 else size * 1e3 for n, size in enumerate(SIZES)]),
}  # fmt: skip


@pytest.mark.parametrize("which", MAGNITUDES)
def test_thousands_and_millions_in_one_column_are_multiplied_out(which: str, tmp_path: Path):
    cells, expected = MAGNITUDES[which]
    source = read(table(tmp_path / "a.tsv", cells))
    np.testing.assert_allclose(size_of(source), expected)
    assert "multiplied out" in source.notes[0]


SEVERAL = {
    "lengths": ["{} cm", "{} m"],
    "currencies": ["${}", "€{}"],
    "shares and money": ["{} %", "{} $"],
    "a small m, which may be a metre": ["{}k", "{}m"],
}


@pytest.mark.parametrize("ways", SEVERAL.values(), ids=SEVERAL)
def test_numbers_with_several_units_are_none_and_that_is_said(ways: list[str], tmp_path: Path):
    cells = [ways[n % 3 > 0].format(size) for n, size in enumerate(SIZES)]
    source = read(table(tmp_path / "a.tsv", cells))
    assert [column.name for column in source.columns if column.kind == "number"] == ["w"]
    assert "looks like numbers with several units: " in source.notes[0]
    assert f"{ways[1].replace('{}', '').strip()} (80)" in source.notes[0]


def test_a_few_amounts_in_a_second_currency_are_not_read_as_the_first(tmp_path: Path):
    cells = [f"{'€' if n == 7 else '$'}{size}" for n, size in enumerate(SIZES)]
    source = read(table(tmp_path / "a.tsv", cells))
    assert np.flatnonzero(np.isnan(size_of(source))).tolist() == [7]
    assert "1 cell is none and counts as missing" in source.notes[0]


def test_a_target_in_several_currencies_is_said(tmp_path: Path):
    given = table(tmp_path / "a.tsv", [f"{'$€'[n % 2]}{n % 3}" for n in range(ROWS)], label="size")
    (note, *_) = read(given).notes
    assert "'size', the target, looks like numbers with several units: $ (60), € (60)" in note


def test_a_target_with_a_unit_is_a_number(tmp_path: Path):
    given = table(tmp_path / "a.tsv", [f"{size} kg" for size in SIZES], label="size")
    source = read(given, kind="regression")
    np.testing.assert_allclose(source.target, SIZES)
    assert source.notes == ("Column 'size', the target, is a number: unit kg taken off.",)


def test_classes_that_are_called_by_a_few_numbers_with_a_unit_stay_classes(tmp_path: Path):
    given = table(tmp_path / "a.tsv", [f"{n % 2 * 2 + 2} doors" for n in range(ROWS)], label="size")
    assert np.unique(read(given).target).tolist() == ["2 doors", "4 doors"]


NAMES = {
    "counted": [f"{n} st" for n in range(ROWS)],
    "counted in pieces": [f"{n + 1} pcs" for n in range(ROWS)],
    "counted from elsewhere": [f"{n + 500}A" for n in range(ROWS)],
    "ordinals": [f"{n}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th') }" for n in range(20, 140)],
    "numbered at random": [f"{n * 37 + 5000}Z" for n in range(ROWS)],
    "codes": [f"{n:04} X" for n in range(0, 7 * ROWS, 7)],
}  # fmt: skip


@pytest.mark.parametrize("cells", NAMES.values(), ids=NAMES)
def test_names_of_rows_are_no_numbers(cells: list[str], tmp_path: Path):
    source = read(table(tmp_path / "a.tsv", cells))
    assert [column.name for column in source.columns] == ["w"]
    assert "left out" in source.notes[0] and "several" not in source.notes[0]


OTHERS = {
    "seats": [f"{n % 30}{'ABCD'[n % 4]}" for n in range(ROWS)],
    "quarters": [f"{2000 + n % 20}Q{n % 4 + 1}" for n in range(ROWS)],
    "places": [f"{n % 3 + 1}{['st', 'nd', 'rd'][n % 3]}" for n in range(ROWS)],
}


@pytest.mark.parametrize("cells", OTHERS.values(), ids=OTHERS)
def test_codes_that_begin_with_a_number_stay_categories_without_a_word(
    cells: list[str], tmp_path: Path
):
    source = read(table(tmp_path / "a.tsv", cells))
    assert source.columns[1].kind == "category"
    assert source.notes == ()


def test_rows_for_a_model_are_read_with_the_unit_of_training(tmp_path: Path):
    source = read(table(tmp_path / "a.tsv", [f"{size} kg" for size in SIZES]))
    new = table(tmp_path / "new.tsv", ["5 kg", "6", "7 g", "8kg"])
    rows = TableReader().rows(str(new.source), Wanted(source.columns, source.layout))
    np.testing.assert_array_equal(rows.numbers[:, 1], [5, 6, np.nan, 8])
    assert any("1 of 4 cells is none, such as '7 g'" in note for note in rows.notes)


def test_amounts_in_another_currency_than_that_of_training_are_missing(tmp_path: Path):
    source = read(table(tmp_path / "a.tsv", [f"${size}" for size in SIZES]))
    new = table(tmp_path / "new.tsv", ["$5", "(US$ 6)", "€7", "8 USD"])
    rows = TableReader().rows(str(new.source), Wanted(source.columns, source.layout))
    np.testing.assert_array_equal(rows.numbers[:, 1], [5, -6, np.nan, 8])
