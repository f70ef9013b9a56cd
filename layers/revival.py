"""Dead units and their revival."""

import numpy as np
from keras import ops

from layers.autoencoder import SparseAutoencoder


def dead_units(autoencoder: SparseAutoencoder, rows) -> np.ndarray:
    """Indices of the units that are active for none of the rows (rows, features)."""
    ever_active = ops.max(autoencoder.active(autoencoder.encode(rows)), axis=0)
    return np.flatnonzero(ops.convert_to_numpy(ever_active) == 0)


def revive(autoencoder: SparseAutoencoder, rows, seed: int) -> int:
    """Give the dead units a new start at rows that are badly reconstructed; return their number.

    For each dead unit a row of its own is drawn with a probability in proportion to its squared
    error. The unit's encoder weights point from the mean row to that row; its bias starts it
    half-way there, so that few other rows excite it, and on the row itself it is as active as the
    units that are active there are on average, so that a hard limit lets it through. Its decoder
    weights start at zero, so that nothing gets worse, or, where their norm is fixed, along what the
    reconstruction of the row lacks. Other units stay as they are. Rows have shape (rows, features).
    Source: the idea is that of Bricken et al., "Towards Monosemanticity" (2023), appendix on
    neuron resampling; they start decoder weights at the row, which on dense codes made the
    reconstruction far worse.
    """
    dead = dead_units(autoencoder, rows)
    if len(dead) == 0:
        return 0
    output = autoencoder(rows)
    code = ops.convert_to_numpy(output["code"])
    rows = ops.convert_to_numpy(rows)
    residuals = rows - ops.convert_to_numpy(output["reconstruction"])
    errors = np.sum(np.square(residuals), axis=-1, dtype="float64")
    if errors.sum() == 0:
        return 0
    # Different rows while there are enough: units that start alike would stay alike.
    picked = np.random.default_rng(seed).choice(
        len(rows),
        len(dead),
        replace=bool(np.count_nonzero(errors) < len(dead)),
        p=errors / errors.sum(),
    )
    mean_row = rows.mean(axis=0)
    away = rows[picked] - mean_row
    squared_distances = np.maximum(np.sum(away**2, axis=-1, keepdims=True), 1e-12)
    strength = _mean_active(code[picked])
    weights = 2 * strength * away / squared_distances
    # Copies: what a backend hands out may be read-only or may share the variable's memory.
    kernel = np.array(ops.convert_to_numpy(autoencoder.encoder.kernel))
    bias = np.array(ops.convert_to_numpy(autoencoder.encoder.bias))
    kernel[:, dead] = weights.T
    bias[dead] = -weights @ mean_row - strength[:, 0]
    if autoencoder.tied and autoencoder.unit_norm_decoder:
        norms = np.maximum(np.linalg.norm(kernel[:, dead], axis=0), 1e-12)
        kernel[:, dead] /= norms
        bias[dead] /= norms
    autoencoder.encoder.kernel.assign(kernel)
    autoencoder.encoder.bias.assign(bias)
    if not autoencoder.tied:
        decoder = np.array(ops.convert_to_numpy(autoencoder.decoder.kernel))
        decoder[dead] = 0.0
        if autoencoder.unit_norm_decoder:
            lacking = residuals[picked]
            decoder[dead] = lacking / np.linalg.norm(lacking, axis=-1, keepdims=True)
        autoencoder.decoder.kernel.assign(decoder)
    if autoencoder.sparsity:
        autoencoder.sparsity.restart(dead)
    return len(dead)


def _mean_active(code: np.ndarray) -> np.ndarray:
    """The mean of each row's positive values, (rows, 1); 1 for a row that has none."""
    active = code > 0
    total = np.sum(code * active, axis=-1, keepdims=True)
    count = np.sum(active, axis=-1, keepdims=True)
    return np.where(count > 0, total / np.maximum(count, 1), 1.0)
