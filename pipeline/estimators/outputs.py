"""What networks give for rows: the same for a row whatever rows are beside it."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from pipeline.export.trained import Trained
from pipeline.training.stack import code_of, stacked_decoder

TOGETHER = 256
"""Rows of a product. Of fewer another kernel may add in another order: the last are filled up."""


def network_outputs(network: keras.Model, features: np.ndarray) -> np.ndarray:
    """float32 (rows, outputs) of scaled rows, float32 (rows, features)."""
    return _by_blocks(lambda rows: network(rows, training=False), features)


def codes(trained: Trained, features: np.ndarray) -> np.ndarray:
    """The code, float32 (rows, units), of scaled rows: of the same levels as in an export."""
    if not trained.task.needs_labels:
        return network_outputs(trained.network.encoder, features)
    return _by_blocks(lambda rows: code_of(trained.stack, trained.autoencoders, rows), features)


def decoded(trained: Trained, code: np.ndarray) -> np.ndarray:
    """Scaled rows, float32 (rows, features), of codes (rows, units)."""
    if not trained.task.needs_labels:
        return network_outputs(trained.network.decoder, code)
    return network_outputs(stacked_decoder(trained.stack, trained.autoencoders), code)


def _by_blocks(function: Callable[[Any], Any], rows: np.ndarray) -> np.ndarray:
    found = []
    for start in range(0, len(rows), TOGETHER):
        block = rows[start : start + TOGETHER]
        whole = np.zeros((TOGETHER, rows.shape[1]), np.float32)
        whole[: len(block)] = block
        found.append(np.asarray(function(whole))[: len(block)])
    return np.concatenate(found)
