"""Dead units and their revival."""

import keras
import numpy as np
from keras import ops

from layers.autoencoder import SparseAutoencoder



def dead_units(autoencoder: SparseAutoencoder, rows) -> np.ndarray:
    """Indices of the units that are active for none of the rows (rows, features)."""
    ever_active = ops.max(autoencoder.active(autoencoder.encode(rows)), axis=0)
    return np.flatnonzero(ops.convert_to_numpy(ever_active) == 0)


def revive(autoencoder: SparseAutoencoder, rows, seed: int) -> int:
    """Point the dead units at rows that are badly reconstructed; give back how many there were.

    For each dead unit a row is drawn with a probability in proportion to its squared error. The
    unit's decoder weights become the direction from the mean row to that row. Its encoder weights
    point the same way and its bias puts its threshold at the mean row; they are as large as it
    takes for the row to excite the unit as much as its most active unit, so that a hard limit lets
    it through. Other units stay as they are. Rows have shape (rows, features).
    Source: Bricken et al., "Towards Monosemanticity" (2023), appendix on neuron resampling. They
    scale by 0.2 of the living units' norm, which under a hard limit leaves units dead.
    """
    dead = dead_units(autoencoder, rows)
    if len(dead) == 0:
        return 0
    output = autoencoder(rows)
    code = ops.convert_to_numpy(output["code"])
    reconstruction = ops.convert_to_numpy(output["reconstruction"])
    rows = ops.convert_to_numpy(rows)
    errors = np.sum(np.square(rows - reconstruction), axis=-1, dtype="float64")
    if errors.sum() == 0:
        return 0
    picked = np.random.default_rng(seed).choice(len(rows), len(dead), p=errors / errors.sum())
    mean_row = rows.mean(axis=0)
    away = rows[picked] - mean_row
    distances = np.maximum(np.linalg.norm(away, axis=-1, keepdims=True), 1e-12)
    directions = away / distances
    if autoencoder.tied and autoencoder.unit_norm_decoder:
        weights = directions
    else:
        strongest = code[picked].max(axis=-1, keepdims=True)
        weights = directions * np.where(strongest > 0, strongest / distances, 1.0)
    # Copies: what a backend hands out may be read-only or may share the variable's memory.
    kernel = np.array(ops.convert_to_numpy(autoencoder.encoder.kernel))
    bias = np.array(ops.convert_to_numpy(autoencoder.encoder.bias))
    kernel[:, dead] = weights.T
    bias[dead] = -weights @ mean_row
    autoencoder.encoder.bias.assign(bias)
    autoencoder.encoder.kernel.assign(kernel)
    if not autoencoder.tied:
        decoder = np.array(ops.convert_to_numpy(autoencoder.decoder.kernel))
        decoder[dead] = directions
        autoencoder.decoder.kernel.assign(decoder)
    _lower_thresholds(autoencoder.sparsity, dead)
    return len(dead)


def _lower_thresholds(sparsity: keras.layers.Layer, dead: np.ndarray) -> None:
    """A unit that was dead because of a threshold of its own starts again from a low one."""
    if hasattr(sparsity, "log_threshold"):
        thresholds = np.array(ops.convert_to_numpy(sparsity.log_threshold))
        thresholds[dead] = np.log(sparsity.initial_threshold)
        sparsity.log_threshold.assign(thresholds)
