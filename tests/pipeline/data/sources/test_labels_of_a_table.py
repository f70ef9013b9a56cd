"""What the cells of a target mean: classes, no label, numbers as people write them."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.config.data import DataConfig
from pipeline.errors import InputError
from tests.pipeline.data.reading import read

ROWS = 60


def labelled(path: Path, labels: list[str], separator: str = ",", **keys: object) -> DataConfig:
    """A table of two numbers and these labels, again and again."""
    rows = [(f"{n % 7}", f"{n % 5}", labels[n % len(labels)]) for n in range(ROWS)]
    lines = "".join(separator.join(row) + "\n" for row in rows)
    path.write_text(f"{separator.join('xwy')}\n{lines}", encoding="utf-8")
    return DataConfig.model_validate({"source": str(path), "label": "y", **keys})


@pytest.mark.parametrize("labels", [["+", "-"], ["none", "mild", "bad"], ["None", "Some"]])
def test_a_dash_and_the_word_none_are_classes(labels: list[str], tmp_path: Path):
    source = read(labelled(tmp_path / "a.csv", labels))
    assert source.target is not None
    assert source.target[: len(labels)].tolist() == labels
    assert source.notes == ()


def test_a_label_that_means_that_there_is_none_is_named_and_counted(tmp_path: Path):
    source = read(labelled(tmp_path / "a.csv", ["NA", "EU", "AS"]))
    assert source.target is not None
    assert source.target[:3].tolist() == ["", "EU", "AS"]
    (note,) = source.notes
    assert note.startswith("Rows have no label where column 'y' says 'NA': 20 of them.")
    with pytest.raises(InputError, match="column 'y' says 'NA'"):
        read(labelled(tmp_path / "a.csv", ["NA", "EU", "AS"], strict=True))


def test_na_is_a_class_where_it_is_no_missing_value(tmp_path: Path):
    source = read(labelled(tmp_path / "a.csv", ["NA", "EU"], missing_values=["?"]))
    assert source.target is not None
    assert source.target[:2].tolist() == ["NA", "EU"]


def test_a_number_that_means_a_missing_cell_is_a_class_of_the_target(tmp_path: Path):
    source = read(labelled(tmp_path / "a.csv", ["0", "1"], missing_values=["0"]))
    assert source.target is not None
    assert source.target[:2].tolist() == ["0", "1"]
    assert np.isnan(source.numbers[0]).all()
