"""Rows for a model that learned from a file without a header: by position, or by its own names."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

from pipeline.config.data import DataConfig
from pipeline.data.source import RawRows, Source
from pipeline.data.sources.read import read_rows
from pipeline.errors import InputError
from tests.pipeline.data.reading import read

IRIS = load_iris(as_frame=True).frame
NAMES = [f"column{n}" for n in range(1, 6)]
"""What columns without a name are called."""


@pytest.fixture
def nameless(tmp_path: Path) -> Source:
    """Four numbers and a class, without a header."""
    path = tmp_path / "iris.data"
    IRIS.to_csv(path, index=False, header=False)
    return read(DataConfig(source=str(path), label="-1"))


def rows_of(table: pd.DataFrame, folder: Path, model: Source, **how: object) -> RawRows:
    table.to_csv(folder / "new.csv", index=False, **how)
    return read_rows(str(folder / "new.csv"), model.columns, model.layout)


@pytest.mark.parametrize("columns", [5, 4], ids=["with the target", "without it"])
@pytest.mark.parametrize("count", [1, 2, 150])
def test_rows_without_a_header_are_taken_by_position(nameless, tmp_path, columns, count):
    found = rows_of(IRIS.iloc[:count, :columns], tmp_path, nameless, header=False)
    np.testing.assert_array_equal(found.numbers, nameless.numbers[:count])
    assert found.notes == ()


@pytest.mark.parametrize("order", [NAMES, NAMES[::-1], NAMES[:4]])
@pytest.mark.parametrize("count", [1, 150])
def test_a_header_of_the_model_s_own_names_is_one(nameless, tmp_path, order, count):
    table = IRIS.set_axis(NAMES, axis="columns")[order].head(count)
    found = rows_of(table, tmp_path, nameless)
    np.testing.assert_array_equal(found.numbers, nameless.numbers[:count])
    assert found.notes == ()


@pytest.mark.parametrize("columns", [5, 4, 3])
def test_a_header_of_other_names_is_no_row(nameless, tmp_path, columns):
    with pytest.raises(InputError) as refused:
        rows_of(IRIS.iloc[:, :columns], tmp_path, nameless)
    assert str(refused.value).startswith(
        "The model learned from a table without names, and reads rows without names, or columns "
        "that are called as it calls them: column1, column2, column3, column4. The first line of "
        "new.csv has other names: sepal length (cm), "
    )
    assert str(refused.value).endswith(". Remove it, or rename the columns.")


def test_a_first_row_with_a_cell_that_is_no_number_is_a_row(nameless, tmp_path):
    table = IRIS.astype(object)
    table.iloc[0, 1] = "oops"
    found = rows_of(table, tmp_path, nameless, header=False)
    assert len(found.numbers) == 150 and np.isnan(found.numbers[0, 1])
    assert "1 of 150 cells is none, such as 'oops'" in found.notes[0]
