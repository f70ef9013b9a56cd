"""Arrays: .npz and .npy."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.config.data import DataConfig
from pipeline.data.source import Column
from pipeline.errors import InputError
from tests.pipeline.data.reading import read

Digits = tuple[np.ndarray, np.ndarray]


def saved(path: Path, **arrays: object) -> str:
    np.savez(path, **arrays)
    return str(path)


def test_images_are_flattened_and_their_shape_is_kept(digits: Digits, tmp_path: Path):
    images, labels = digits
    source = read(DataConfig(source=saved(tmp_path / "d.npz", x=images, y=labels)))
    assert source.name == "d"
    assert source.image_shape == (8, 8)
    assert source.numbers.shape == (1797, 64)
    assert source.columns[:2] == (Column("x0", "number"), Column("x1", "number"))
    np.testing.assert_array_equal(source.numbers, images.reshape(1797, 64))
    assert not source.table
    assert source.target is not None
    np.testing.assert_array_equal(source.target, labels.astype(str))


@pytest.mark.parametrize("train", ["", "_train"])
def test_the_files_own_test_rows_are_marked(train: str, digits: Digits, tmp_path: Path):
    images, labels = digits
    arrays = {f"x{train}": images[:1500], f"y{train}": labels[:1500]}
    path = saved(tmp_path / "d.npz", **arrays, x_test=images[1500:], y_test=labels[1500:])
    source = read(DataConfig(source=path))
    assert source.test is not None
    np.testing.assert_array_equal(np.flatnonzero(source.test), np.arange(1500, 1797))
    assert source.target is not None
    np.testing.assert_array_equal(source.target, labels.astype(str))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([3, 4, 3], ["3", "4", "3"]),
        ([3.0, np.nan, 4.0], ["3", "", "4"]),
        (["a", "", "b"], ["a", "", "b"]),
        ([b"a", b"b", b"a"], ["a", "b", "a"]),
        ([True, False, True], ["True", "False", "True"]),
        ([[3], [4], [3]], ["3", "4", "3"]),
        ([2.5, 3.0, 2.5], ["2.5", "3", "2.5"]),
    ],
)
def test_class_names_are_text(labels: list, expected: list[str], tmp_path: Path):
    path = saved(tmp_path / "a.npz", x=np.eye(3), y=np.array(labels))
    target = read(DataConfig(source=path)).target
    assert target is not None
    assert target.tolist() == expected


def test_a_label_can_mean_unlabelled(tmp_path: Path):
    path = saved(tmp_path / "a.npz", x=np.eye(3), y=np.array([0, -1, 1]))
    target = read(DataConfig(source=path, unlabelled="-1")).target
    assert target is not None
    assert target.tolist() == ["0", "", "1"]


def test_numeric_labels_can_be_a_regression_target(tmp_path: Path):
    path = saved(tmp_path / "a.npz", x=np.eye(3), y=np.array([1, -1, 2]))
    target = read(DataConfig(source=path, unlabelled="-1"), kind="regression").target
    np.testing.assert_array_equal(target, [1, np.nan, 2])


def test_an_npy_file_is_rows_without_target(tmp_path: Path):
    np.save(tmp_path / "a.npy", np.eye(4))
    source = read(DataConfig(source=str(tmp_path / "a.npy")))
    assert source.target is None
    assert source.numbers.shape == (4, 4)
    assert source.image_shape is None


def test_columns_of_arrays_can_be_dropped_and_made_categorical(tmp_path: Path):
    path = saved(tmp_path / "a.npz", x=np.arange(6.0).reshape(2, 3))
    source = read(DataConfig(source=path, ignore=("x0",), categorical=("x2",)))
    assert source.columns == (Column("x1", "number"), Column("x2", "category"))
    assert source.numbers.tolist() == [[1], [4]]
    assert source.categories.tolist() == [["2"], ["5"]]


@pytest.mark.parametrize("key", ["ignore", "categorical"])
def test_an_unknown_array_column_is_refused(key: str, tmp_path: Path):
    path = saved(tmp_path / "a.npz", x=np.eye(3))
    with pytest.raises(InputError, match=rf"data\.{key}.*'x3'.*Did you mean 'x2'.*x0 to x2"):
        read(DataConfig.model_validate({"source": path, key: ["x3"]}))


def test_a_label_column_for_arrays_is_refused(tmp_path: Path):
    path = saved(tmp_path / "a.npz", x=np.eye(3))
    with pytest.raises(InputError, match=r"data\.label.*'y'.*Remove"):
        read(DataConfig(source=path, label="y"))


def test_half_precision_is_read_as_it_is(tmp_path: Path):
    path = saved(tmp_path / "a.npz", x=np.array([[65504, -1], [np.nan, 0]], np.float16))
    np.testing.assert_array_equal(
        read(DataConfig(source=path)).numbers, np.float32([[65504, -1], [np.nan, 0]])
    )


def test_missing_numbers_are_read_as_nan(tmp_path: Path):
    x = np.eye(3)
    x[1, 2] = np.nan
    source = read(DataConfig(source=saved(tmp_path / "a.npz", x=x)))
    assert np.isnan(source.numbers[1, 2])


def test_infinite_numbers_are_refused_with_column_and_row(tmp_path: Path):
    x = np.eye(3)
    x[1:, 2] = -np.inf
    x[0, 0] = np.inf
    path = saved(tmp_path / "a.npz", x=x)
    expected = "infinite.*'x0', 1 of 3 cells, first in row 1; column 'x2', 2 of 3 cells"
    with pytest.raises(InputError, match=expected):
        read(DataConfig(source=path, missing="impute"))


@pytest.mark.parametrize("suffix", ["npz", "npy"])
def test_text_where_numbers_must_be_is_refused(suffix: str, tmp_path: Path):
    path = tmp_path / f"a.{suffix}"
    text = np.array([["a", "b"], ["c", "d"]])
    np.savez(path, x=text) if suffix == "npz" else np.save(path, text)
    with pytest.raises(InputError, match="Rows must be numbers.*<U1"):
        read(DataConfig(source=str(path)))


@pytest.mark.parametrize("suffix", ["npz", "npy"])
def test_an_object_array_is_refused_and_never_unpickled(suffix: str, tmp_path: Path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    path = tmp_path / f"a.{suffix}"
    trap = np.array([[Trap()]], dtype=object)
    np.savez(path, x=trap) if suffix == "npz" else np.save(path, trap)
    with pytest.raises(InputError, match="pickled Python objects"):
        read(DataConfig(source=str(path)))
    assert not (tmp_path / "sprung").exists()


def test_a_truncated_npz_is_refused_with_its_name(digits: Digits, tmp_path: Path):
    path = Path(saved(tmp_path / "a.npz", x=digits[0]))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match=r"a\.npz cannot be read.*zip.*cut short"):
        read(DataConfig(source=str(path)))


def test_a_damaged_npz_is_refused_with_its_name(digits: Digits, tmp_path: Path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, x=digits[0])
    content = bytearray(path.read_bytes())
    content[500:600] = bytes(100)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.npz cannot be read"):
        read(DataConfig(source=str(path)))


def test_a_truncated_npy_is_refused_with_its_name(digits: Digits, tmp_path: Path):
    path = tmp_path / "a.npy"
    np.save(path, digits[0])
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match=r"a\.npy cannot be read"):
        read(DataConfig(source=str(path)))


@pytest.mark.parametrize("name", ["a.npz", "a.npy"])
def test_text_under_a_numpy_suffix_is_refused(name: str, tmp_path: Path):
    (tmp_path / name).write_text("no arrays here")
    with pytest.raises(InputError, match="cannot be read"):
        read(DataConfig(source=str(tmp_path / name)))


@pytest.mark.parametrize("name", ["a.npz", "a.npy"])
def test_an_empty_array_file_is_refused(name: str, tmp_path: Path):
    (tmp_path / name).touch()
    with pytest.raises(InputError, match="must not be empty"):
        read(DataConfig(source=str(tmp_path / name)))


def test_an_npz_without_x_is_refused_with_what_it_has(tmp_path: Path):
    path = saved(tmp_path / "a.npz", rows=np.eye(3))
    with pytest.raises(InputError, match="array 'x'.*Valid: rows"):
        read(DataConfig(source=path))


def test_arrays_may_be_called_by_capital_letters(tmp_path: Path):
    found = read(DataConfig(source=saved(tmp_path / "a.npz", X=np.eye(3), Y=np.arange(3))))
    np.testing.assert_array_equal(found.numbers, np.eye(3))
    assert found.labels is not None
    assert found.labels.names.tolist() == ["0", "1", "2"]


def test_labels_and_rows_of_different_lengths_are_refused(tmp_path: Path):
    path = saved(tmp_path / "a.npz", x=np.eye(3), y=np.arange(4))
    with pytest.raises(InputError, match="3 rows and 4 labels"):
        read(DataConfig(source=path))


def test_test_labels_and_test_rows_of_different_lengths_are_refused(tmp_path: Path):
    # 3 + 2 rows and 2 + 3 labels: as many in all, and every label beside the wrong row.
    arrays = {"x": np.eye(3), "y": np.arange(2), "x_test": np.eye(3)[:2], "y_test": np.arange(3)}
    with pytest.raises(InputError, match="3 training rows and 2 labels"):
        read(DataConfig(source=saved(tmp_path / "a.npz", **arrays)))


def test_test_rows_of_another_width_are_refused(tmp_path: Path):
    path = saved(tmp_path / "a.npz", x=np.eye(3), x_test=np.eye(2))
    with pytest.raises(InputError, match="one shape"):
        read(DataConfig(source=path))


def test_test_rows_without_labels_are_refused_beside_labelled_training_rows(tmp_path: Path):
    path = saved(tmp_path / "a.npz", x=np.eye(3), y=np.arange(3), x_test=np.eye(3))
    with pytest.raises(InputError, match="both have labels"):
        read(DataConfig(source=path))


def test_one_hot_labels_are_refused(tmp_path: Path):
    path = saved(tmp_path / "a.npz", x=np.eye(3), y=np.eye(3))
    with pytest.raises(InputError, match="argmax"):
        read(DataConfig(source=path))


def test_infinite_labels_are_refused(tmp_path: Path):
    path = saved(tmp_path / "a.npz", x=np.eye(3), y=np.array([0, np.inf, 1]))
    with pytest.raises(InputError, match="Labels must be finite.*row 2"):
        read(DataConfig(source=path))


@pytest.mark.parametrize("shape", [(3,), (0, 4), (4, 0), ()])
def test_an_array_that_is_not_rows_of_features_is_refused(shape: tuple, tmp_path: Path):
    np.save(tmp_path / "a.npy", np.zeros(shape))
    with pytest.raises(InputError, match="rows"):
        read(DataConfig(source=str(tmp_path / "a.npy")))
