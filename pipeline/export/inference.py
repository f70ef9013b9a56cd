"""Batch inference from an exported SavedModel: only its folder is needed, not the run."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from pipeline.data.features.preprocessing import need_every_value
from pipeline.data.source import Column
from pipeline.errors import InputError
from pipeline.evaluation.reasons import because
from pipeline.export.folder import METADATA
from pipeline.export.metadata import DIGEST, digest_of
from pipeline.export.signatures.inputs import MATRIX, given_by_name
from pipeline.tasks.anomaly import OF_COLUMNS

BATCH_ROWS = 4096


def describe_model(folder: Path) -> dict[str, Any]:
    """What the exported model says of itself: columns, classes, features, endpoints.

    Raises `InputError` when anything in the folder is not as it was exported.
    """
    try:
        metadata = json.loads((folder / "assets.extra" / METADATA).read_text(encoding="utf-8"))
        digest = metadata[DIGEST]
        columns = [Column(*column) for column in metadata["columns"]]
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(
            f"The model {str(folder)!r} is damaged: {METADATA} cannot be read ({error}). Export it "
            "again: layerwise export RUN DIR."
        ) from error
    if digest_of(folder, metadata) != digest:
        raise InputError(
            f"The model {str(folder)!r} is damaged: its files are not those that were exported. "
            "Export it again: layerwise export RUN DIR."
        )
    return {**metadata, "columns": columns}


def model_columns(folder: Path) -> tuple[Column, ...]:
    """The raw columns that the model reads."""
    return tuple(describe_model(folder)["columns"])


class Model:
    """One signature of an exported model, loaded once, for any number of rows.

    Arguments:
      folder: of the model.
      described: what it says of itself.
      endpoint: the signature.
    """

    def __init__(self, folder: Path, described: dict[str, Any], endpoint: str):
        self._described = described
        self._loaded = tf.saved_model.load(str(folder))
        self._signature = self._loaded.signatures[endpoint]

    def __call__(self, numbers: np.ndarray, categories: np.ndarray) -> pd.DataFrame:
        """A frame with one row for each raw row, asked batch by batch.

        `numbers` (rows, number columns) and `categories` (rows, category columns) text, in the
        model's column order. Columns: `label` and `probability of CLASS`, `prediction`, `code_I`,
        the names of the features, `reconstruction_error`, or of anomalies `score`, `p_value`,
        `label` and `because`, the three columns that make most of the score.
        """
        given = {MATRIX: numbers.astype(np.float64, copy=False)}
        if self._described["inputs"]:
            given = given_by_name(self._described["columns"], numbers, categories)
        batches = [
            self._of_batch(
                {name: values[start : start + BATCH_ROWS] for name, values in given.items()}
            )
            for start in range(0, len(numbers), BATCH_ROWS)
        ]
        outputs = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
        names = self._described["outputs"]
        return pd.concat(
            [
                because(values, names[name]) if name == OF_COLUMNS else _frame(values, names[name])
                for name, values in sorted(outputs.items())
            ],
            axis=1,
        )

    def _of_batch(self, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        inputs = {name: tf.constant(values) for name, values in given.items()}
        return {output: value.numpy() for output, value in self._signature(**inputs).items()}


def infer(folder: Path, endpoint: str, numbers: np.ndarray, categories: np.ndarray) -> pd.DataFrame:
    """What one signature gives for raw rows in memory: see `Model`.

    Raises `InputError` for a damaged model and for a missing value where missing values were
    refused in training.
    """
    described = describe_model(folder)
    if described["needs_every_value"]:
        need_every_value(described["columns"], [(numbers, categories)])
    return Model(folder, described, endpoint)(numbers, categories)


def _frame(values: np.ndarray, columns: list[str]) -> pd.DataFrame:
    if values.dtype == object:
        values = np.array([value.decode() for value in values])
    return pd.DataFrame(values.reshape(len(values), -1), columns=columns)
