"""The fingerprint changes with the data and with nothing else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.config.data import DataConfig
from pipeline.data.source import Column, RawRows, Source
from tests.pipeline.data.reading import fingerprint_of, read


@pytest.fixture
def source(iris_csv: Path) -> Source:
    return read(DataConfig(source=str(iris_csv), label="species", categorical=("petal_width",)))


def test_a_file_of_another_name_has_the_same_fingerprint(iris_csv: Path, source: Source):
    moved = iris_csv.rename(iris_csv.with_name("other.csv"))
    config = DataConfig(source=str(moved), label="species", categorical=("petal_width",))
    assert fingerprint_of(read(config)) == fingerprint_of(source)
    assert len(fingerprint_of(source)) == 64


def test_the_width_of_the_text_type_is_no_part_of_the_data(source: Source):
    wider = replace(source, categories=source.categories.astype("<U40"))
    assert fingerprint_of(wider) == fingerprint_of(source)


def test_the_type_in_which_numbers_are_stored_is_no_part_of_the_data(source: Source):
    whole = replace(source, numbers=source.numbers.round())
    for kind in ("float32", "int64", ">f8", "uint8"):
        stored = replace(source, numbers=whole.numbers.astype(kind))
        assert fingerprint_of(stored) == fingerprint_of(whole)


def test_every_part_of_the_data_counts(source: Source):
    assert source.target is not None
    numbers, categories, target = (
        array.copy() for array in (source.numbers, source.categories, source.target)
    )
    numbers[7, 1] += 0.001
    categories[7, 0] = "9"
    target[7] = "virginica"
    changed = [
        source,
        replace(source, numbers=numbers),
        replace(source, categories=categories),
        replace(source, target=target),
        replace(source, target=None),
        replace(source, test=np.zeros(150, bool)),
        replace(source, image_shape=(2, 2)),
        replace(source, columns=(Column("other", "number"), *source.columns[1:])),
        replace(source, numbers=source.numbers[::-1]),
        replace(source, image_shape=(1, 3)),
        replace(source, image_shape=(3, 1)),
        replace(source, noisy=RawRows(source.numbers, source.categories)),
        replace(source, noisy=RawRows(numbers, source.categories)),
        replace(source, noisy=RawRows(source.numbers, categories)),
    ]
    assert len({fingerprint_of(one) for one in changed}) == len(changed)
