"""What the tests of `layers/` share: quiet backends, the random state, rows of real digits."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import pytest
from sklearn.datasets import load_digits


@pytest.fixture(autouse=True)
def fixed_random_state():
    """Batch order comes from Keras's global seed."""
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def digits():
    """300 handwritten digits, (300, 64), in [0, 1]."""
    rows = (load_digits().data[:300] / 16).astype("float32")
    rows.setflags(write=False)
    return rows
