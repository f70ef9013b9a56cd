"""Built-in names, and names that are none."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import load_digits

from pipeline.config.data import DataConfig
from pipeline.data.sources import builtin
from pipeline.errors import InputError
from tests.pipeline.data.reading import read


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No copy of any data set, no connection; returns the folder in LAYERWISE_DATA."""

    def fail():
        raise Exception("URL fetch failure on https://example.org: None -- no route")

    dataset = SimpleNamespace(load_data=fail)
    datasets = SimpleNamespace(fashion_mnist=dataset, mnist=dataset, cifar10=dataset)
    monkeypatch.setitem(sys.modules, "keras", SimpleNamespace(datasets=datasets))
    monkeypatch.setattr(builtin, "DEBIAN_FASHION_MNIST", tmp_path / "no-debian")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("LAYERWISE_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def test_digits_come_with_scikit_learn():
    source = read(DataConfig())
    assert (source.name, source.origin) == ("digits", "scikit-learn")
    assert source.numbers.shape == (1797, 64)
    assert source.image_shape == (8, 8)
    assert source.test is None
    assert source.target is not None
    assert sorted(set(source.target.tolist())) == [str(digit) for digit in range(10)]


def test_digits_are_those_that_scikit_learn_gives():
    ours, theirs = builtin.read_builtin("digits"), load_digits()
    np.testing.assert_array_equal(ours.x, theirs.images)
    np.testing.assert_array_equal(ours.y, theirs.target)
    assert ours.x.dtype == theirs.images.dtype


def test_fashion_mnist_has_class_names(
    idx_folder: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
):
    installed = builtin.DEBIAN_FASHION_MNIST.is_dir()
    if not installed:
        os.rename(idx_folder, request.getfixturevalue("bare_machine") / "fashion-mnist")
    source = read(DataConfig(source="fashion_mnist"))
    assert source.test is not None and source.target is not None
    counts = (len(source.test), int(source.test.sum()))
    assert counts == ((70_000, 10_000) if installed else (1797, 297))
    assert set(source.target.tolist()) == {
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    }
    if installed:
        assert source.target[:3].tolist() == ["Ankle boot", "T-shirt/top", "T-shirt/top"]


@pytest.mark.parametrize("folder", ["", "fashion_mnist", "fashion-mnist"])
def test_fashion_mnist_is_found_in_layerwise_data(
    folder: str, bare_machine: Path, idx_folder: Path
):
    (bare_machine / folder).mkdir(exist_ok=True)
    for path in idx_folder.iterdir():
        os.rename(path, bare_machine / folder / path.name)
    source = read(DataConfig(source="fashion_mnist"))
    assert source.name == "fashion_mnist"
    assert source.rows == 1797


def test_fashion_mnist_is_found_in_keras_cache(bare_machine: Path, idx_folder: Path):
    cache = bare_machine.parent / "keras" / "datasets"
    cache.mkdir(parents=True)
    os.rename(idx_folder, cache / "fashion-mnist")
    assert read(DataConfig(source="fashion_mnist")).rows == 1797


def test_mnist_is_found_as_a_folder_of_idx_files(bare_machine: Path, idx_folder: Path):
    os.rename(idx_folder, bare_machine / "mnist")
    target = read(DataConfig(source="mnist")).target
    assert target is not None
    assert target[:3].tolist() == ["0", "1", "2"]


def test_mnist_is_found_in_keras_cache(bare_machine: Path, digits: tuple[np.ndarray, np.ndarray]):
    images, labels = digits
    cache = bare_machine.parent / "keras" / "datasets"
    cache.mkdir(parents=True)
    arrays = {"x_train": images[:9], "y_train": labels[:9], "x_test": images, "y_test": labels}
    np.savez(cache / "mnist.npz", **arrays)
    source = read(DataConfig(source="mnist"))
    assert source.test is not None
    assert source.test.sum() == 1797


@pytest.mark.parametrize("name", ["cifar10.npz", "cifar-10.npz"])
def test_cifar10_is_found_as_npz_and_has_class_names(name: str, bare_machine: Path):
    x = np.arange(10 * 32 * 32 * 3).reshape(10, 32, 32, 3) % 255
    y = np.arange(10).reshape(10, 1)
    np.savez(bare_machine / name, x_train=x, y_train=y, x_test=x, y_test=y)
    source = read(DataConfig(source="cifar10"))
    assert source.image_shape == (32, 32, 3)
    assert source.target is not None
    assert (source.target[0], source.target[9]) == ("airplane", "truck")


def test_a_download_by_keras_is_the_last_resort(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch, digits: tuple[np.ndarray, np.ndarray]
):
    images, labels = digits
    loaded = ((images[:20], labels[:20]), (images[20:30], labels[20:30]))
    dataset = SimpleNamespace(load_data=lambda: loaded)
    keras = SimpleNamespace(datasets=SimpleNamespace(mnist=dataset))
    monkeypatch.setitem(sys.modules, "keras", keras)
    source = read(DataConfig(source="mnist"))
    assert source.origin == "Keras"
    assert source.rows == 30


@pytest.mark.parametrize("name", ["fashion_mnist", "mnist", "cifar10"])
def test_a_data_set_that_is_nowhere_is_refused_with_all_places(name: str, bare_machine: Path):
    with pytest.raises(InputError) as refusal:
        read(DataConfig(source=name))
    message = str(refusal.value)
    assert "URL fetch failure" in message
    assert str(bare_machine / name) in message
    assert str(bare_machine.parent / "keras") in message
    assert "LAYERWISE_DATA" in message
    assert ("no-debian" in message) == (name == "fashion_mnist")


def test_labels_beyond_the_class_names_are_refused(bare_machine: Path):
    x, y = np.zeros((2, 8, 8)), np.array([3, 10])
    np.savez(bare_machine / "cifar10.npz", x=x, y=y)
    with pytest.raises(InputError, match="label from 0 to 9"):
        read(DataConfig(source="cifar10"))


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(InputError, match="'digts'.*Did you mean 'digits'"):
        read(DataConfig(source="digts"))


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.npz", "a.npy", "folder/a"])
def test_a_missing_file_is_refused_by_its_path(name: str, tmp_path: Path):
    with pytest.raises(InputError, match=f"no file or folder {tmp_path / name}"):
        read(DataConfig(source=str(tmp_path / name), label="a"))


def test_a_name_that_the_system_cannot_open_is_refused():
    with pytest.raises(InputError, match="cannot be opened"):
        read(DataConfig(source="a" * 300))


def test_an_unknown_suffix_is_refused_with_the_nearest(tmp_path: Path):
    (tmp_path / "a.parqet").touch()
    with pytest.raises(InputError, match=r"a\.parqet.*Did you mean '\.parquet'"):
        read(DataConfig(source=str(tmp_path / "a.parqet")))
