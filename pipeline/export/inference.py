"""Batch inference from an exported SavedModel: only its folder is needed, not the run."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from pipeline.data.features.preprocessing import need_every_value
from pipeline.data.source import Column, Layout, RawRows
from pipeline.data.sources.read import read_rows
from pipeline.errors import InputError
from pipeline.evaluation.reasons import because
from pipeline.export.folder import METADATA
from pipeline.export.metadata import DIGEST, digest_of
from pipeline.export.row_notes import row_notes
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


def rows_for(folder: Path, spec: str, keep: Sequence[str] = ()) -> RawRows:
    """The rows of a source as the model reads them, with notes of what it does not know in them.

    `keep` names columns of a table that are handed through. Raises `InputError` where rows do not
    fit.
    """
    metadata = describe_model(folder)
    columns, layout = metadata["columns"], metadata["layout"]
    rows = read_rows(spec, tuple(columns), layout and Layout.from_json(layout), keep)
    notes = row_notes(columns, metadata["vocabularies"], rows)
    return rows._replace(notes=(*rows.notes, *notes))


def infer(folder: Path, endpoint: str, numbers: np.ndarray, categories: np.ndarray) -> pd.DataFrame:
    """Run one signature on raw rows, batch by batch: one output row for each.

    `numbers` (rows, number columns) and `categories` (rows, category columns) text, in the model's
    column order. Columns: `label` and `probability of CLASS`, `prediction`, `code_I`, the
    names of the features, `reconstruction_error`, or of anomalies `score`, `p_value`, `label` and
    `because`, the three columns that make most of the score. Raises `InputError` for a damaged
    model and for a missing value where missing values were refused in training.
    """
    metadata = describe_model(folder)
    if metadata["needs_every_value"]:
        need_every_value(metadata["columns"], numbers, categories)
    signature = tf.saved_model.load(str(folder)).signatures[endpoint]
    given = {MATRIX: numbers.astype(np.float64, copy=False)}
    if metadata["inputs"]:
        given = given_by_name(metadata["columns"], numbers, categories)
    batches = [
        {
            output: value.numpy()
            for output, value in signature(
                **{
                    name: tf.constant(values[start : start + BATCH_ROWS])
                    for name, values in given.items()
                }
            ).items()
        }
        for start in range(0, len(numbers), BATCH_ROWS)
    ]
    outputs = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    names = metadata["outputs"]
    return pd.concat(
        [
            because(values, names[name]) if name == OF_COLUMNS else _frame(values, names[name])
            for name, values in sorted(outputs.items())
        ],
        axis=1,
    )


def _frame(values: np.ndarray, columns: list[str]) -> pd.DataFrame:
    if values.dtype == object:
        values = np.array([value.decode() for value in values])
    return pd.DataFrame(values.reshape(len(values), -1), columns=columns)
