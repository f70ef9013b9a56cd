"""Rows a second that are scored: a detector, exported, beside PyOD's AutoEncoder and kNN.

Usage: python -m benchmarks.applications.scoring_rate FILE [FILE ...]

PyOD is no part of Layerwise. Both go into an environment of their own:

    python -m venv /tmp/beside && /tmp/beside/bin/pip install . pyod torch tqdm
    /tmp/beside/bin/python -m benchmarks.applications.scoring_rate FILE

Each .npz file has `X` (rows, columns) and `y` (1 for an anomaly). Half of the normal rows train,
all rows are scored, in memory. All ways score in turn, several times, in one process with all
cores; told is the median. PyOD's AutoEncoder reads rows in batches of several sizes, its kNN in one
process and in as many as there are cores. AUROC is of the rows that trained nothing.
"""

import importlib.util
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.running import BUILD
from layerwise import AnomalyDetector
from pipeline.export.inference import Model, describe_model

CURE = (
    "Make an environment for both: python -m venv /tmp/beside && /tmp/beside/bin/pip install . "
    "pyod torch tqdm"
)
REPEATS = 7
BATCHES = (32, 256, 1024, 4096)
"""Of PyOD's AutoEncoder, whose own is 32."""
NEIGHBOURS = 5
Way = Callable[[np.ndarray], np.ndarray]
"""Scores (rows,) of rows (rows, columns), greater for anomalies."""


def rows_of(file: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All rows, which are anomalies, and which train."""
    with np.load(file, allow_pickle=False) as arrays:
        x, y = arrays["X"].astype("float64"), arrays["y"].astype("int32")
    normal = np.random.default_rng(0).permutation(np.flatnonzero(y == 0))
    return x, y, normal[: len(normal) // 2]


def ours(train: np.ndarray, folder: Path) -> dict[str, Way]:
    """The detector in Python, and the signatures of what it exports."""
    detector = AnomalyDetector().fit(train)
    exported = detector.export(folder)
    described = describe_model(exported)
    ways: dict[str, Way] = {"Layerwise, in Python": lambda x: -detector.score_samples(x)}
    for endpoint, column in (("serve", "score"), ("score", "reconstruction_error")):
        model = Model(exported, described, endpoint)

        def scored(x: np.ndarray, model: Model = model, column: str = column) -> np.ndarray:
            return model(x, np.empty((len(x), 0), "<U1"))[column].to_numpy()

        ways[f"Layerwise, exported, `{endpoint}`: {column}"] = scored
    return ways


def pyod(train: np.ndarray) -> dict[str, Way]:
    """PyOD's, each in every way in which it may be fast."""
    from pyod.models.auto_encoder import AutoEncoder
    from pyod.models.knn import KNN

    mean, deviation = train.mean(axis=0), train.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1)

    def standard(x: np.ndarray) -> np.ndarray:
        return (x - mean) / deviation

    autoencoder = AutoEncoder(verbose=0, random_state=0).fit(train)

    def in_batches(size: int, x: np.ndarray) -> np.ndarray:
        return autoencoder.decision_function(x, batch_size=size)

    ways: dict[str, Way] = {
        f"PyOD AutoEncoder, batches of {size}": partial(in_batches, size) for size in BATCHES
    }
    for jobs in (1, -1):
        knn = KNN(n_neighbors=NEIGHBOURS, method="mean", n_jobs=jobs).fit(standard(train))
        told = "one process" if jobs == 1 else "all cores"
        ways[f"PyOD kNN, {told}"] = lambda x, knn=knn: knn.decision_function(standard(x))
    return ways


def measure(file: Path) -> list[dict[str, Any]]:
    """Every way on the rows of one file."""
    x, y, trained = rows_of(file)
    new = np.setdiff1d(np.arange(len(x)), trained)
    with tempfile.TemporaryDirectory() as folder:
        ways = ours(x[trained], Path(folder)) | pyod(x[trained])
        scores = {way: score(x) for way, score in ways.items()}
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(REPEATS):
            for way, score in ways.items():
                began = time.perf_counter()
                score(x)
                seconds[way].append(time.perf_counter() - began)
    return [
        {
            "file": file.stem,
            "rows": len(x),
            "columns": x.shape[1],
            "trained": len(trained),
            "way": way,
            "rows_per_second": len(x) / statistics.median(taken),
            "auroc": float(roc_auc_score(y[new], scores[way][new])),
        }
        for way, taken in seconds.items()
    ]


def main(files: list[Path]) -> None:
    """Measure on every file, print Markdown tables, write JSON."""
    if importlib.util.find_spec("pyod") is None:
        sys.exit(f"This needs PyOD, which is not installed here. {CURE}")
    found = [row for file in files for row in measure(file)]
    BUILD.mkdir(exist_ok=True)
    (BUILD / "scoring_rate.json").write_text(json.dumps(found, indent=1))
    for file in files:
        rows = [row for row in found if row["file"] == file.stem]
        told = "{rows:,} rows, {columns} columns, {trained:,} rows trained".format(**rows[0])
        print(f"\n{file.stem}: {told}\n\n| way | rows/s | AUROC |\n| - | -: | -: |")
        for row in rows:
            print("| {way} | {rows_per_second:,.0f} | {auroc:.3f} |".format(**row))


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
