"""Folders of IDX files."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from pipeline.config.data import DataConfig
from pipeline.data.sources.idx import read_idx
from pipeline.errors import InputError
from tests.pipeline.data.reading import read


def test_a_folder_gives_images_labels_and_its_own_test_rows(
    idx_folder: Path, digits: tuple[np.ndarray, np.ndarray]
):
    source = read(DataConfig(source=str(idx_folder)))
    images, labels = digits
    assert source.name == "digits_idx"
    assert source.image_shape == (8, 8)
    np.testing.assert_array_equal(source.numbers, images.reshape(1797, 64))
    assert source.target is not None
    np.testing.assert_array_equal(source.target, labels.astype(str))
    assert source.test is not None
    assert source.test.sum() == 297


def test_a_folder_without_test_files_marks_no_test_rows(idx_folder: Path):
    for path in idx_folder.glob("t10k*"):
        path.unlink()
    source = read(DataConfig(source=str(idx_folder)))
    assert source.test is None
    assert source.rows == 1500


def test_values_of_two_bytes_are_read_in_big_endian_order(tmp_path: Path):
    (tmp_path / "a").write_bytes(bytes([0, 0, 0x0B, 1, 0, 0, 0, 2, 1, 0, 255, 255]))
    assert read_idx(tmp_path / "a").tolist() == [256, -1]


def test_a_truncated_gzip_is_refused_with_its_name(idx_folder: Path):
    path = idx_folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match=r"train-images-idx3-ubyte\.gz.*cut short"):
        read(DataConfig(source=str(idx_folder)))


def test_a_file_that_is_no_gzip_is_refused_with_its_name(idx_folder: Path):
    (idx_folder / "train-images-idx3-ubyte.gz").write_text("<html>404</html>")
    with pytest.raises(InputError, match=r"train-images-idx3-ubyte\.gz cannot be read"):
        read(DataConfig(source=str(idx_folder)))


def test_a_wrong_magic_number_is_refused_with_what_is_there(idx_folder: Path):
    path = idx_folder / "train-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(b"\x89PNG and so on"))
    with pytest.raises(InputError, match=r"train-labels-idx1-ubyte\.gz begins with 89 50 4e 47"):
        read(DataConfig(source=str(idx_folder)))


@pytest.mark.parametrize("change", [slice(0, 3000), slice(0, 6)])
def test_a_file_shorter_than_its_header_says_is_refused(change: slice, idx_folder: Path):
    path = idx_folder / "t10k-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[change])
    with pytest.raises(InputError, match="as long as its header says.*t10k-images"):
        read(DataConfig(source=str(idx_folder)))


def test_a_file_longer_than_its_header_says_is_refused(idx_folder: Path):
    path = idx_folder / "t10k-images-idx3-ubyte"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(InputError, match="as long as its header says"):
        read(DataConfig(source=str(idx_folder)))


def test_an_empty_file_is_refused(idx_folder: Path):
    (idx_folder / "t10k-labels-idx1-ubyte").write_bytes(b"")
    with pytest.raises(InputError, match="must not be empty.*t10k-labels"):
        read(DataConfig(source=str(idx_folder)))


def test_a_missing_label_file_is_refused_by_name(idx_folder: Path):
    (idx_folder / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(InputError, match="train-labels-idx1-ubyte"):
        read(DataConfig(source=str(idx_folder)))


def test_fewer_labels_than_images_are_refused(idx_folder: Path):
    path = idx_folder / "train-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(bytes([0, 0, 8, 1]) + (1499).to_bytes(4, "big") + bytes(1499)))
    with pytest.raises(InputError, match="1500 training rows and 1499 labels"):
        read(DataConfig(source=str(idx_folder)))


def test_a_folder_without_idx_files_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="IDX files needs train-images-idx3-ubyte"):
        read(DataConfig(source=str(tmp_path)))
