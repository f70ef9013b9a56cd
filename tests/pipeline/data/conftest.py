"""Small real data for the tests of pipeline.data."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris


@pytest.fixture
def iris() -> pd.DataFrame:
    """150 rows, four numbers, and the species by name."""
    data = load_iris(as_frame=True)
    names = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    table = data.data.set_axis(names, axis=1)
    return table.assign(species=data.target_names[data.target])


@pytest.fixture
def iris_csv(iris: pd.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "iris.csv"
    iris.to_csv(path, index=False)
    return path


@pytest.fixture
def cancer_csv(tmp_path: Path) -> Path:
    """569 rows, 30 numbers, a target of 0 and 1."""
    path = tmp_path / "cancer.csv"
    load_breast_cancer(as_frame=True).frame.to_csv(path, index=False)
    return path


@pytest.fixture
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (1797, 8, 8), labels int64 (1797,)."""
    data = load_digits()
    return data.images.astype(np.uint8), data.target


def write_idx(path: Path, values: np.ndarray) -> None:
    """`values`, of bytes, as IDX; gzipped if the name says so."""
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    content = header + values.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture
def idx_folder(digits: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> Path:
    """Digits as MNIST is distributed: 1500 training and 297 test rows."""
    folder = tmp_path / "digits_idx"
    folder.mkdir()
    images, labels = digits
    write_idx(folder / "train-images-idx3-ubyte.gz", images[:1500])
    write_idx(folder / "train-labels-idx1-ubyte.gz", labels[:1500])
    write_idx(folder / "t10k-images-idx3-ubyte", images[1500:])
    write_idx(folder / "t10k-labels-idx1-ubyte", labels[1500:])
    return folder
