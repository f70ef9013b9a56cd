"""Rows a second that an exported SavedModel encodes and scores, against PCA and PyTorch.

The stack of the preset fashion-mnist, trained for one epoch: how well does not matter here. PCA of
as many components reduces and reconstructs; PyTorch has the same products and limits in its own
functions.
Raw rows in batches of 4,096, as `layerwise encode` and `layerwise score` read them. Repeats are
interleaved and medians told.

Usage: python -m benchmarks.speed.inference
"""

import importlib.util
import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.decomposition import PCA

from benchmarks.running import BUILD, layerwise_run
from benchmarks.speed.training import timed
from pipeline.data.sources.builtin import read_builtin
from pipeline.export.inference import BATCH_ROWS

REPEATS = 7
WIDTHS = (784, 512, 512, 256)
LIMITS = (120, 120, 60)
"""Units of each level that are active, by TopK."""
CHANGES = [
    *(f"stack.{level}.epochs=1" for level in range(len(WIDTHS) - 1)),
    "finetune.arms=[pretrained]",
    "finetune.label_budgets=[100]",
    "finetune.seeds=1",
    "pretrain_seeds=1",
]

Way = Callable[[np.ndarray], Any]


def main() -> None:
    """Measure, print a Markdown table and write it as JSON."""
    images = read_builtin("fashion_mnist")
    rows = images.x[images.test].reshape(-1, WIDTHS[0]).astype("float32")
    ways = {"SavedModel": saved_model(), "PCA": pca(rows)}
    if importlib.util.find_spec("torch"):
        from benchmarks.speed.pytorch import pytorch_inference

        ways["PyTorch"] = pytorch_inference(WIDTHS, LIMITS)
    batches = [rows[start : start + BATCH_ROWS] for start in range(0, len(rows), BATCH_ROWS)]
    works = {
        (way, endpoint): (lambda function=function: [function(batch) for batch in batches])
        for way, functions in ways.items()
        for endpoint, function in functions.items()
    }
    for work in works.values():
        work()
    times: dict[tuple[str, str], list[float]] = {name: [] for name in works}
    for _ in range(REPEATS):
        for name, work in works.items():
            times[name].append(timed(work))
    table = [
        {
            "way": way,
            "endpoint": endpoint,
            "rows_per_second": len(rows) / statistics.median(taken),
        }
        for (way, endpoint), taken in times.items()
    ]
    file = BUILD / "speed" / "inference.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(table, indent=1))
    ours = {row["endpoint"]: row["rows_per_second"] for row in table if row["way"] == "SavedModel"}
    print("| way | endpoint | rows/s | SavedModel is so many times as fast |")
    print("| - | - | -: | -: |")
    for row in table:
        ratio = ours[row["endpoint"]] / row["rows_per_second"]
        print(f"| {row['way']} | {row['endpoint']} | {row['rows_per_second']:,.0f} | {ratio:.2f} |")


def saved_model() -> dict[str, Way]:
    """Its signatures, from raw rows."""
    changes = [part for change in CHANGES for part in ("--set", change)]
    summary = layerwise_run("inference", "fashion-mnist", *changes)
    model = tf.saved_model.load(str(Path(summary["export"]["path"])))

    def called(endpoint: str) -> Way:
        signature = model.signatures[endpoint]
        (name,) = signature.structured_input_signature[1]

        def call(rows: np.ndarray) -> Any:
            (output,) = signature(**{name: tf.constant(rows)}).values()
            return output.numpy()

        return call

    return {endpoint: called(endpoint) for endpoint in ("encode", "score")}


def pca(rows: np.ndarray) -> dict[str, Way]:
    """scikit-learn's, of as many components as the stack has units on top."""
    model = PCA(WIDTHS[-1], random_state=0).fit(rows)

    def score(given: np.ndarray) -> np.ndarray:
        difference = model.inverse_transform(model.transform(given)) - given
        return np.square(difference).mean(axis=1)

    return {"encode": model.transform, "score": score}


if __name__ == "__main__":
    main()
