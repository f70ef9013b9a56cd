"""Inside the exported model: raw rows to features, by TensorFlow, as the preprocessing says."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from pipeline.data.category import MISSING
from pipeline.data.cells import LARGEST
from pipeline.data.features.operations import Operations
from pipeline.data.features.preprocessing import Preprocessing
from pipeline.data.source import Column
from pipeline.data.sources.tables.sql import BOOLEANS, EDGES, numeric
from pipeline.export.signatures.dates import seconds_of
from pipeline.export.signatures.inputs import MATRIX, input_names


def _after(knots: np.ndarray, values: tf.Tensor) -> tf.Tensor:
    found = tf.searchsorted(tf.constant(knots), tf.transpose(values), side="right")
    return tf.transpose(tf.clip_by_value(found, 1, knots.shape[1] - 1))


def _pick(knots: np.ndarray, positions: tf.Tensor) -> tf.Tensor:
    return tf.transpose(tf.gather(tf.constant(knots), tf.transpose(positions), batch_dims=1))


TENSORFLOW = Operations(
    is_nan=tf.math.is_nan,
    where=tf.where,
    cast=tf.cast,
    concat=tf.concat,
    sin=tf.sin,
    cos=tf.cos,
    sign=tf.sign,
    abs=tf.abs,
    log1p=tf.math.log1p,
    expm1=tf.math.expm1,
    columns=lambda rows, positions: tf.gather(rows, positions, axis=1),
    after=_after,
    pick=_pick,
)

_AROUND = f"^[{EDGES}]+|[{EDGES}]+$"


def input_signature(columns: Sequence[Column], named: bool) -> list[tf.TensorSpec]:
    """One input for each column, (rows,): numbers float64, all else text; or `rows`, float64."""
    if not named:
        return [tf.TensorSpec((None, len(columns)), tf.float64, name=MATRIX)]
    names = input_names(columns)
    return [
        tf.TensorSpec(
            (None,), tf.float64 if column.kind == "number" else tf.string, name=names[column.name]
        )
        for column in columns
    ]


def numbers_and_categories(
    columns: Sequence[Column], missing_values: Sequence[str], given: Sequence[tf.Tensor]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Columns by name, as `input_signature` has them, as `Source` has numbers and categories.

    What the table of training would miss is missing: empty cells, `missing_values`, and cells that
    are not of their column's kind.
    """
    numbers, categories = [], []
    for column, values in zip(columns, given, strict=True):
        if column.kind == "number":
            numbers.append(_numbers(values, missing_values))
            continue
        text = _given(values, missing_values)
        match column.kind:
            case "category":
                categories.append(category_names(text))
            case "boolean":
                numbers.append(_truth(text))
            case "date":
                numbers.append(seconds_of(text, column.form))
    rows = tf.shape(given[0])[0]
    return (
        tf.stack(numbers, axis=1) if numbers else tf.zeros((rows, 0), tf.float64),
        tf.stack(categories, axis=1) if categories else tf.zeros((rows, 0), tf.string),
    )


def features_of(
    preprocessing: Preprocessing, numbers: tf.Tensor, categories: tf.Tensor
) -> tf.Tensor:
    """The features, float32 (rows, features), of raw rows.

    A value that is missing, and that training never missed, gives NaN.
    """
    return preprocessing.features(numbers, categories, TENSORFLOW)


def category_names(text: tf.Tensor) -> tf.Tensor:
    """The names of categories, text of any shape, as `pipeline.data.category` has them."""
    text = tf.strings.strip(text)
    named = tf.strings.regex_replace(text, r"^(-?[0-9]+)\.0*$", r"\1")
    return tf.where(tf.strings.lower(named) == MISSING, "", named)


def _numbers(values: tf.Tensor, missing_values: Sequence[str]) -> tf.Tensor:
    """NaN where a number is too great for float32 or means a missing value."""
    missing = tf.abs(values) > LARGEST
    for number in numeric(missing_values):
        missing |= values == number
    return tf.where(missing, tf.constant(float("nan"), tf.float64), values)


def _given(cells: tf.Tensor, missing_values: Sequence[str]) -> tf.Tensor:
    """Cells without the space around them; "" for those that mean a missing value."""
    text = tf.strings.regex_replace(cells, _AROUND, "")
    lower = tf.strings.lower(text, encoding="utf-8")
    markers = tf.constant(["", *(marker.lower() for marker in missing_values)])
    return tf.where(tf.reduce_any(lower[:, None] == markers, axis=1), "", text)


def _truth(text: tf.Tensor) -> tf.Tensor:
    """1 or 0 for text that says true or false, in whatever way; else NaN."""
    lower = tf.strings.lower(text)
    true, false = (
        tf.reduce_any(
            lower[:, None] == tf.constant([w for w, means in BOOLEANS.items() if means is truth]),
            axis=1,
        )
        for truth in (True, False)
    )
    one, zero, nothing = (tf.constant(value, tf.float64) for value in (1.0, 0.0, float("nan")))
    return tf.where(true, one, tf.where(false, zero, nothing))
