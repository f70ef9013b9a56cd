"""What the tests of the pipeline share: rows of real digits, and stores that are migrated once."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from mlflow.tracking import MlflowClient
from sklearn.datasets import load_digits


@pytest.fixture(scope="session")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """1797 handwritten digits, float32 (1797, 64) in [0, 1], and their classes, int32."""
    rows, classes = load_digits(return_X_y=True)
    rows = (rows / 16).astype("float32")
    rows.setflags(write=False)
    return rows, classes.astype("int32")


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without a run: migrating it takes seconds, copying it none."""
    file = tmp_path_factory.mktemp("empty_store") / "mlflow.db"
    MlflowClient(f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture(scope="session")
def at_home(empty_store: Path) -> Callable[[Path, pytest.MonkeyPatch], str]:
    """Makes a folder the working directory, with a store of its own in `mlruns/`; gives its URI."""

    def move(folder: Path, patch: pytest.MonkeyPatch) -> str:
        store = folder / "mlruns" / "mlflow.db"
        if not store.exists():
            store.parent.mkdir(parents=True)
            shutil.copy(empty_store, store)
        patch.chdir(folder)
        uri = f"sqlite:///{store}"
        patch.setenv("MLFLOW_TRACKING_URI", uri)  # MLflow itself sets it, for this process
        return uri

    return move


@pytest.fixture
def uri(tmp_path: Path, at_home, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URI of an empty MLflow store in the test's own folder, which it works in."""
    yield at_home(tmp_path, monkeypatch)
