"""Impute, scale, one-hot: against scikit-learn and hand-set numbers."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_wine
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from pipeline.config.data import DataConfig
from pipeline.data.category import category_name, category_names
from pipeline.data.features.fitting import filled_and_flat, fit
from pipeline.data.features.operations import NUMPY
from pipeline.data.features.preprocessing import Preprocessing
from pipeline.data.source import Column, Source
from pipeline.errors import InputError
from tests.pipeline.data.reading import read

TRAIN = np.arange(0, 178, 2)
REFUSED = DataConfig(missing="refuse")


@pytest.fixture
def wine(tmp_path: Path) -> Source:
    load_wine(as_frame=True).frame.to_csv(tmp_path / "wine.csv", index=False)
    return read(DataConfig(source=str(tmp_path / "wine.csv"), label="target"))


def source(numbers: list, categories: list | None = None) -> Source:
    """Columns n0, n1, ..., c0, c1, ..."""
    matrix = np.array(numbers, dtype=np.float32)
    names = np.array(categories or [[] for _ in matrix], dtype=str)
    return Source(
        name="made",
        origin="made",
        columns=(
            *(Column(f"n{position}", "number") for position in range(matrix.shape[1])),
            *(Column(f"c{position}", "category") for position in range(names.shape[1])),
        ),
        numbers=matrix,
        categories=names,
        target=None,
        test=None,
        image_shape=None,
        table=True,
    )


def features(given: Source, config: DataConfig, rows: np.ndarray | None = None) -> np.ndarray:
    rows = np.arange(given.rows) if rows is None else rows
    return fit(given, rows, config).apply(given.numbers, given.categories)


@pytest.mark.parametrize(
    ("scaling", "scaler"), [("standard", StandardScaler()), ("minmax", MinMaxScaler())]
)
def test_scaling_column_by_column_agrees_with_scikit_learn(scaling, scaler, wine: Source):
    expected = scaler.fit(wine.numbers[TRAIN]).transform(wine.numbers)
    actual = features(wine, DataConfig(scaling=scaling), TRAIN)
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, expected, atol=2e-5)


def test_global_scaling_maps_least_and_greatest_of_all_columns_to_0_and_1(wine: Source):
    train = features(wine, DataConfig(scaling="global"), TRAIN)[TRAIN]
    assert (train.min(), train.max()) == (0, 1)
    largest = wine.numbers[TRAIN].max()
    np.testing.assert_allclose(train * largest, wine.numbers[TRAIN], rtol=1e-2, atol=0.2)


def test_no_scaling_leaves_numbers_as_they_are(wine: Source):
    expected = wine.numbers.astype("float32")
    np.testing.assert_array_equal(features(wine, DataConfig(scaling="none")), expected)


def test_auto_is_quantile_for_tables_and_global_for_arrays(wine: Source):
    auto, standard = (features(wine, DataConfig(scaling=s)) for s in ("auto", "quantile"))
    np.testing.assert_array_equal(auto, standard)
    digits = read(DataConfig())
    np.testing.assert_array_equal(features(digits, DataConfig()), digits.numbers / 16)


def test_no_row_but_the_given_ones_has_any_influence(wine: Source):
    before = fit(wine, TRAIN, DataConfig()).to_json()
    wine.numbers[1::2] *= 1000
    assert fit(wine, TRAIN, DataConfig()).to_json() == before


def test_features_are_offset_and_scale_in_float64_to_the_bit(wine: Source):
    preprocessing = fit(wine, TRAIN, DataConfig(scaling="standard"))
    expected = ((wine.numbers - preprocessing.offset) / preprocessing.scale).astype("float32")
    np.testing.assert_array_equal(
        preprocessing.apply(wine.numbers, wine.categories), expected, strict=True
    )


def test_categories_become_one_column_for_each_value_in_sorted_order():
    made = source([[0], [1], [2]], [["red", "z"], ["blue", "y"], ["red", "y"]])
    preprocessing = fit(made, np.arange(3), DataConfig(scaling="none"))
    assert preprocessing.vocabularies == (("blue", "red"), ("y", "z"))
    assert preprocessing.feature_names == ("n0", "c0=blue", "c0=red", "c1=y", "c1=z")
    expected = [[0, 0, 1, 0, 1], [1, 1, 0, 1, 0], [2, 0, 1, 1, 0]]
    assert preprocessing.apply(made.numbers, made.categories).tolist() == expected


def test_an_unknown_category_is_zero_in_all_values_of_its_column():
    made = source([[0], [1], [2]], [["a"], ["b"], ["c"]])
    assert features(made, DataConfig(scaling="none"), np.arange(2))[2].tolist() == [2, 0, 0]


def test_categories_alone_are_enough():
    made = source([[], []], [["a"], ["b"]])
    assert features(made, DataConfig()).tolist() == [[1, 0], [0, 1]]


def test_a_missing_number_becomes_the_median_of_the_given_rows():
    made = source([[1], [2], [9], [np.nan], [100]])
    config = DataConfig(missing="impute", scaling="none")
    assert features(made, config, np.arange(4))[:, 0].tolist() == [1, 2, 9, 2, 100]


def test_imputed_columns_have_mean_0_and_standard_deviation_1():
    made = source([[1], [2], [9], [np.nan], [100]])
    scaled = features(made, DataConfig(missing="impute", scaling="standard"))[:, :1]
    assert scaled.mean() == pytest.approx(0, abs=1e-6)
    assert scaled.std() == pytest.approx(1, abs=1e-6)


def test_a_missing_category_is_a_category_of_its_own_and_the_first():
    made = source([[1], [2]], [["b"], [""]])
    preprocessing = fit(made, np.arange(2), DataConfig(missing="impute", scaling="none"))
    assert preprocessing.vocabularies == (("", "b"),)
    assert preprocessing.feature_names == ("n0", "c0=", "c0=b")


@pytest.mark.parametrize(
    ("made", "where"),
    [
        (source([[1, 2], [2, np.nan], [3, np.nan]]), "'n1', 2 of 3 cells, first in row 2"),
        (source([[1], [2], [3]], [["a"], ["b"], [""]]), "'c0', 1 of 3 cells, first in row 3"),
    ],
)
def test_missing_values_in_any_row_are_refused_with_column_and_row(made: Source, where: str):
    with pytest.raises(InputError, match=rf"{where}.*data\.missing: impute"):
        fit(made, np.arange(1), REFUSED)


def test_a_missing_value_is_refused_later_too_where_it_was_refused_in_training():
    preprocessing = fit(source([[1], [2]], [["a"], ["b"]]), np.arange(2), REFUSED)
    with pytest.raises(InputError, match=r"'n0', 1 of 1 cells.*data\.missing: impute"):
        preprocessing.apply(np.float64([[np.nan]]), np.array([["a"]]))
    with pytest.raises(InputError, match=r"'n0', .* and in column 'c0', 1 of 2 cells, .* row 2"):
        preprocessing.apply(np.float64([[np.nan], [1]]), np.array([["a"], [""]]))


# Large offsets


MINUTE = 1_764_000_000_000 + 200 * np.arange(300)
"""Milliseconds since 1970, 300 of them within one minute."""


@pytest.mark.parametrize("kind", ["int64", "float64", "uint64"])
@pytest.mark.parametrize("scaling", ["standard", "minmax", "global", "quantile"])
def test_what_is_small_beside_a_large_offset_is_kept(kind: str, scaling: str):
    config = DataConfig.model_validate({"scaling": scaling, "pieces": 0})
    plain = replace(source([[0]] * 300), numbers=(MINUTE - MINUTE[0])[:, None])
    made = replace(plain, numbers=MINUTE.astype(kind)[:, None])
    found = features(made, config)
    assert len(np.unique(found)) == 300
    np.testing.assert_allclose(found, features(plain, config), atol=1e-6)


def test_small_integers_do_not_overflow():
    made = source([[0], [0]])
    extremes = replace(made, numbers=np.array([[-128], [127]], np.int8))
    assert features(extremes, DataConfig(scaling="minmax"))[:, 0].tolist() == [0, 1]


# One description, NumPy and TensorFlow


NUMBERS = st.one_of(
    st.just(float("nan")),
    st.floats(-1e38, 1e38),
    st.floats(-1, 1).map(lambda small: 1.764e12 + small),
    st.integers(-5, 5).map(float),
)
WORDS = st.one_of(
    st.sampled_from(["", "a", "b", "nan", "NaN", "Nan", " a ", "3", "3.0", "3.", "-0"]),
    st.text(st.characters(codec="ascii", categories=("L", "N", "P")), max_size=3),
)


@st.composite
def tables(draw) -> tuple[Preprocessing, np.ndarray, np.ndarray]:
    """A preprocessing and raw rows, which it need not have been fitted on."""
    rows, width, text = (draw(st.integers(low, high)) for low, high in ((1, 6), (0, 3), (0, 2)))
    text = text or int(width == 0)
    refuses = draw(st.booleans())
    column = st.lists(st.floats(-1e13, 1e13), min_size=width, max_size=width)
    scale = st.lists(st.floats(1e-6, 1e6), min_size=width, max_size=width)
    vocabularies = st.lists(WORDS.map(category_name), min_size=1, max_size=4, unique=True)
    preprocessing = Preprocessing(
        columns=(
            *(Column(f"n{n}", "number") for n in range(width)),
            *(Column(f"c{n}", "category") for n in range(text)),
        ),
        fill=np.full(width, np.nan) if refuses else np.array(draw(column)),
        offset=np.array(draw(column)),
        scale=np.array(draw(scale)),
        vocabularies=tuple(tuple(sorted(draw(vocabularies))) for _ in range(text)),
        refuses_missing=refuses,
    )
    numbers = draw(st.lists(NUMBERS, min_size=rows * width, max_size=rows * width))
    words = draw(st.lists(WORDS, min_size=rows * text, max_size=rows * text))
    return (
        preprocessing,
        np.array(numbers, float).reshape(rows, width),
        np.array(words, str).reshape(rows, text),
    )


@settings(derandomize=True, deadline=None, database=None)  # the first example imports TensorFlow
@given(tables())
def test_numpy_and_tensorflow_give_the_same_features_and_the_same_way_back(table):
    import tensorflow as tf

    from pipeline.export.signatures.inputs import given_by_name
    from pipeline.export.signatures.raw_rows import (
        TENSORFLOW,
        features_of,
        numbers_and_categories,
    )

    preprocessing, numbers, words = table
    given = given_by_name(preprocessing.columns, numbers, words).values()
    raw = numbers_and_categories(preprocessing.columns, (), [tf.constant(v) for v in given])
    by_tensorflow = features_of(preprocessing, *raw).numpy()
    names = category_names(words)
    with np.errstate(over="ignore"):
        by_numpy = preprocessing.features(numbers, names, NUMPY)
    # TensorFlow takes numbers next to the least of their type for zero.
    np.testing.assert_allclose(by_tensorflow, by_numpy, rtol=0, atol=1e-37, strict=True)
    incomplete = np.isnan(numbers).any(axis=1) | (names == "").any(axis=1)
    if not preprocessing.refuses_missing:
        assert not np.isnan(by_numpy).any()
        np.testing.assert_array_equal(preprocessing.apply(numbers, names), by_numpy)
    else:
        np.testing.assert_array_equal(np.isnan(by_numpy).any(axis=1), incomplete)
    back = preprocessing.originals(tf.constant(by_numpy), TENSORFLOW).numpy()
    expected = preprocessing.originals(by_numpy, NUMPY)
    np.testing.assert_allclose(back, expected, rtol=0, atol=1e-30, strict=True)


def test_the_way_back_gives_the_numbers_to_the_last_digit_that_features_hold():
    made = replace(source([[0]] * 300), numbers=MINUTE[:, None])
    preprocessing = fit(made, np.arange(300), DataConfig())
    features = preprocessing.apply(made.numbers, made.categories)
    back = preprocessing.originals(features, NUMPY)
    assert back.dtype == np.float64
    np.testing.assert_allclose(back[:, 0] - MINUTE[0], MINUTE - MINUTE[0], atol=0.01)


@pytest.mark.parametrize("scaling", ["minmax", "standard", "quantile", "auto"])
def test_a_column_with_one_value_or_none_in_the_given_rows_is_0_in_all_of_them(scaling: str):
    made = source([[1, 2, 3, np.nan], [1, 3, 3, np.nan], [9, 9, 9, 9]])
    config = DataConfig.model_validate({"scaling": scaling})
    found = features(made, config, np.arange(2))
    assert (found[:2, [0, 2, 3]] == 0).all()
    assert found[0, 1] != found[1, 1]
    assert np.abs(found[2]).max() < 20
    (_, flat) = filled_and_flat(made, np.arange(2), config)
    assert "'n0', 'n2', 'n3'" in flat


def test_a_missing_value_has_a_feature_where_more_than_a_percent_miss():
    few = source([[1, 1]] * 98 + [[np.nan, 2]] * 2)
    fewer = source([[1, 1]] * 99 + [[np.nan, 2]])
    assert fit(few, np.arange(100), DataConfig()).feature_names == ("n0", "n1", "n0 is missing")
    assert fit(fewer, np.arange(100), DataConfig()).feature_names == ("n0", "n1")
    assert features(few, DataConfig())[:, 2].tolist() == [0] * 98 + [1] * 2


def test_each_feature_is_known_by_its_column():
    made = source(
        [[n, n % 3] for n in range(100)], [["ab"[n % 2], "cde"[n % 3]] for n in range(100)]
    )
    made.numbers[:5, 1] = np.nan
    made = replace(made, columns=(Column("n0", "date"), *made.columns[1:]))
    seconds = made.numbers.astype(np.float64)
    seconds[:, 0] *= 3600
    preprocessing = fit(replace(made, numbers=seconds), np.arange(100), DataConfig())
    columns = preprocessing.column_of_features
    assert dict(zip(preprocessing.feature_names, columns, strict=True)) == {
        "n0": 0, "n1": 1, "n1 is missing": 1, "n0, sine of the day": 0, "n0, cosine of the day": 0,
        "c0=a": 2, "c0=b": 2, "c1=c": 3, "c1=d": 3, "c1=e": 3,
    }  # fmt: skip
    onehot = [
        [preprocessing.feature_names[feature] for feature in features]
        for features in preprocessing.features_of_categories
    ]
    assert onehot == [["c0=a", "c0=b"], ["c1=c", "c1=d", "c1=e"]]


def test_a_category_with_many_values_keeps_the_most_frequent():
    words = [["a"]] * 3 + [["b"]] * 2 + [["c"], ["d"]]
    made = source([[n] for n in range(7)], words)
    preprocessing = fit(made, np.arange(7), DataConfig(max_levels=2))
    assert preprocessing.vocabularies == (("a", "b"),)
    assert preprocessing.apply(made.numbers, made.categories)[5:, 1:].tolist() == [[0, 0]] * 2


def test_a_date_shows_the_cycles_that_it_comes_through():
    hours = np.arange(3 * 8766)[:, None] * 3600.0 + 1.6e9
    made = replace(source([[0]] * len(hours)), columns=(Column("at", "date"),), numbers=hours)
    preprocessing = fit(made, np.arange(len(hours)), DataConfig())
    assert [cycle.name for cycle in preprocessing.cycles] == ["day", "week", "year"]
    found = preprocessing.apply(hours, made.categories)
    np.testing.assert_allclose(found[24:, 1:3], found[:-24, 1:3], atol=1e-6)  # the day
    np.testing.assert_allclose(found[168:, 3:5], found[:-168, 3:5], atol=1e-6)  # the week
    np.testing.assert_allclose(np.square(found[:, 5:7]).sum(axis=1), 1, atol=1e-6)
    short = replace(made, numbers=hours[:30], categories=made.categories[:30])
    assert fit(short, np.arange(30), DataConfig()).cycles == ()


def test_global_scaling_refuses_only_values_that_are_all_equal():
    config = DataConfig(scaling="global")
    assert features(source([[1, 2], [1, 3]]), config).tolist() == [[0, 0.5], [0, 1]]
    with pytest.raises(InputError, match="all values are equal"):
        fit(source([[1, 1], [1, 1]]), np.arange(2), config)


def test_the_json_form_survives_the_round_trip_to_the_bit(wine: Source):
    for preprocessing in (
        fit(wine, TRAIN, DataConfig()),
        fit(wine, TRAIN, DataConfig(missing="impute", scaling="minmax")),
        fit(source([[0.1], [1e-30]], [["a"], ["é"]]), np.arange(2), DataConfig(scaling="none")),
    ):
        text = json.dumps(preprocessing.to_json(), allow_nan=False)
        again = Preprocessing.from_json(json.loads(text))
        assert again.columns == preprocessing.columns
        assert again.vocabularies == preprocessing.vocabularies
        for name in ("fill", "offset", "scale"):
            np.testing.assert_array_equal(
                getattr(again, name), getattr(preprocessing, name), strict=True
            )
