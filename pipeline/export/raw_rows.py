"""Inside the exported model: raw rows to features, by TensorFlow, as the preprocessing says."""

import tensorflow as tf

from pipeline.data.category import MISSING
from pipeline.data.features.preprocessing import Operations, Preprocessing

TENSORFLOW = Operations(tf.math.is_nan, tf.where, tf.cast, tf.concat, tf.sin, tf.cos)


def input_signature(preprocessing: Preprocessing) -> list[tf.TensorSpec]:
    """`rows` for numbers alone; `numbers` and `categories` where there are categories."""
    width, text = len(preprocessing.offset), len(preprocessing.vocabularies)
    if not text:
        return [tf.TensorSpec((None, width), tf.float64, name="rows")]
    categories = tf.TensorSpec((None, text), tf.string, name="categories")
    if not width:
        return [categories]
    return [tf.TensorSpec((None, width), tf.float64, name="numbers"), categories]


def features_of(preprocessing: Preprocessing, *raw: tf.Tensor) -> tf.Tensor:
    """The features, float32 (rows, features), of raw rows as `input_signature` has them.

    A value that is missing, and that training never missed, gives NaN.
    """
    numbers, categories = raw[0], raw[-1]
    if preprocessing.vocabularies:
        categories = category_names(categories)
    return preprocessing.features(numbers, categories, TENSORFLOW)


def category_names(values: tf.Tensor) -> tf.Tensor:
    """The names of categories, text of any shape, as `pipeline.data.category` has them."""
    text = tf.strings.strip(values)
    named = tf.strings.regex_replace(text, r"^(-?[0-9]+)\.0*$", r"\1")
    return tf.where(tf.strings.lower(named) == MISSING, "", named)
