"""Columns of which most cells are numbers: no category without a word."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.config.data import DataConfig
from pipeline.data.source import Column
from pipeline.errors import InputError
from tests.pipeline.data.reading import read

ROWS = 240


def table(path: Path, cell: str, every: int, **keys: object) -> DataConfig:
    """Numbers, but for this cell in every so many rows."""
    rng = np.random.default_rng(0)
    amounts = [cell if n % every == 0 else f"{rng.normal(20, 5):.3f}" for n in range(ROWS)]
    rows = "".join(f"{n % 7}\t{amount}\t{'pq'[n % 2]}\n" for n, amount in enumerate(amounts))
    path.write_text(f"w\tamount\ty\n{rows}", encoding="utf-8")
    return DataConfig.model_validate({"source": str(path), "label": "y", **keys})


MARKERS = (r"\N", "n.a.", "N/A", "#DIV/0!", "#NV", "#VALUE!", "#WERT!", "#REF!", "#NAME?", "#NUM!")


@pytest.mark.parametrize("marker", MARKERS)
def test_what_databases_and_spreadsheets_write_for_no_value_is_missing(marker: str, tmp_path: Path):
    source = read(table(tmp_path / "a.tsv", marker, every=4))
    assert source.columns[1] == Column("amount", "number")
    assert np.isnan(source.numbers[::4, 1]).all()
    assert source.notes == ()


@pytest.mark.parametrize(("cell", "every"), [("error", 5), ("<0.1", 2), ("error", 4)])
def test_a_category_of_mostly_numbers_is_said_with_its_other_cells_and_the_cure(
    cell: str, every: int, tmp_path: Path
):
    given = table(tmp_path / "a.tsv", cell, every)
    (note,) = read(given).notes
    others = ROWS // every
    assert "Column 'amount'" in note
    assert f"{ROWS - others} of {ROWS} cells are numbers, the others are not: " in note
    assert f"{cell!r} ({others})" in note
    assert "data.missing_values" in note and "data.numeric" in note
    with pytest.raises(InputError, match="240 cells are numbers"):
        read(given.model_copy(update={"strict": True}))


def test_both_cures_make_it_a_number(tmp_path: Path):
    for cure in ({"numeric": ["amount"]}, {"missing_values": ["error"]}):
        source = read(table(tmp_path / "a.tsv", "error", 5, **cure))
        assert source.columns[1] == Column("amount", "number")
        assert np.isnan(source.numbers[::5, 1]).all()


def test_a_category_that_the_config_names_needs_no_word(tmp_path: Path):
    assert read(table(tmp_path / "a.tsv", "error", 5, categorical=["amount"])).notes == ()
