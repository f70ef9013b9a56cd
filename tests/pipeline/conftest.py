"""What the tests of the pipeline share: digits, stores that are migrated once, two whole runs."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient
from sklearn.datasets import load_digits, load_iris

from pipeline.config.loading import check
from pipeline.config.schema import RunConfig
from tests.pipeline.whole_runs import Whole, whole_run


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
        # Nothing that is stored or loaded is a pickle.
        patch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
        return uri

    return move


@pytest.fixture
def uri(tmp_path: Path, at_home, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URI of an empty MLflow store in the test's own folder, which it works in."""
    yield at_home(tmp_path, monkeypatch)


@pytest.fixture(scope="session")
def digits_config() -> RunConfig:
    """Two levels whose codes depend on the batch in training, three arms, two budgets and seeds."""
    level = {"epochs": 3, "batch_size": 64, "learning_rate": 0.003}
    return check(
        {
            "name": "digits",
            "data": {"missing": "refuse"},
            "stack": [
                {
                    "units": 48,
                    "sparsity": {"mechanism": "batch_topk", "k": 8},
                    "corruption": {"kind": "masking", "share": 0.2},
                    "passes_on": "code",
                    **level,
                },
                {"units": 24, "sparsity": {"mechanism": "lifetime", "proportion": 0.2}, **level},
            ],
            "finetune": {
                "label_budgets": [200, 40],
                "seeds": 2,
                "epochs": 2,
                "min_steps": 40,
                "learning_rate": 0.01,
                "checkpoints": 2,
                "encoder_rates": [0.3, 1.0],
            },
        }
    )


@pytest.fixture(scope="session")
def digits_run(digits_config, at_home, tmp_path_factory) -> Whole:
    """One finished run on digits. Its store and its export are shared: leave them as they are."""
    home = tmp_path_factory.mktemp("digits_run")
    with pytest.MonkeyPatch.context() as patch:
        at_home(home, patch)
        return whole_run(digits_config, home)


def remove_scratch(home: Path) -> None:
    """What runs that a test began in a shared folder, and never ended, have left there."""
    shutil.rmtree(home / "mlruns" / "scratch", ignore_errors=True)


@pytest.fixture
def digits_home(digits_run: Whole, at_home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Whole]:
    """The finished run on digits, in whose folder and store the test works."""
    at_home(digits_run.home, monkeypatch)
    yield digits_run
    remove_scratch(digits_run.home)


@pytest.fixture(scope="session")
def flowers() -> pd.DataFrame:
    """150 irises: four numbers, some of them missing, two categories, and the species by name."""
    iris = load_iris(as_frame=True)
    names = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    table = iris.data.set_axis(names, axis=1)
    table.loc[::9, "sepal_width"] = np.nan
    garden = np.array(["north", "south", "east"])[np.arange(150) % 3]
    table.insert(1, "garden", np.where(np.arange(150) % 11 == 0, "", garden))
    table.insert(3, "year", 2001 + np.arange(150) % 2)
    return table.assign(species=iris.target_names[iris.target])


@pytest.fixture(scope="session")
def flowers_run(flowers, at_home, tmp_path_factory) -> Whole:
    """One finished run on a table with missing values and categories; shared like `digits_run`."""
    home = tmp_path_factory.mktemp("flowers_run")
    flowers.to_csv(home / "flowers.csv", index=False)
    config = check(
        {
            "name": "flowers",
            "data": {
                "source": str(home / "flowers.csv"),
                "label": "species",
                "categorical": ["year"],
                "missing": "impute",
            },
            "stack": [{"units": 12, "sparsity": {"mechanism": "topk", "k": 6}, "epochs": 40,
                       "batch_size": 16, "learning_rate": 0.01}],
            "finetune": {"arms": ["random", "pretrained"], "label_budgets": ["all"], "seeds": 1,
                         "min_steps": 100, "encoder_rates": [1.0], "learning_rate": 0.01},
        }
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        at_home(home, patch)
        return whole_run(config, home)


@pytest.fixture
def flowers_home(flowers_run: Whole, at_home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Whole]:
    """The finished run on the table, in whose folder and store the test works."""
    at_home(flowers_run.home, monkeypatch)
    yield flowers_run
    remove_scratch(flowers_run.home)
