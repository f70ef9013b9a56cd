"""Corruption of the rows in training, so that the code must capture what columns share.

Each layer maps rows (rows, features) to corrupted rows of the same shape while training and leaves
them alone otherwise; the reconstruction loss compares with the clean rows. Noise comes from the
layer's own seed; a layer that is loaded begins it anew. Sources: Vincent et al., "Stacked Denoising
Autoencoders" (2010), section 3.3; `Swap`, Bahri et al., "SCARF" (2022), and before it Michael
Jahrer's autoencoders of tables (2017).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import keras
from keras import ops


class Corruption(keras.layers.Layer, ABC):
    """A layer that changes rows in training: a subclass says in `corrupt` how, by its own seed."""

    def __init__(self, seed: int, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.noise = keras.random.SeedGenerator(seed)

    def call(self, rows, training=False):
        return self.corrupt(rows) if training else rows

    @abstractmethod
    def corrupt(self, rows):
        """The corrupted rows (rows, features)."""

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}


def _check_share(layer: str, share: float) -> None:
    if not 0 < share < 1:
        raise ValueError(f"{layer} needs 0 < share < 1. Received: share={share}.")


@keras.saving.register_keras_serializable(package="layerwise")
class Masking(Corruption):
    """Set each value to zero with probability `share`; the others grow by 1 / (1 - share).

    The growth keeps the mean: without it an encoder trained on half-empty rows overshoots on whole
    ones and their reconstruction is worse than the mean row.
    """

    def __init__(self, share: float, seed: int = 0, **kwargs):
        super().__init__(seed, **kwargs)
        _check_share("Masking", share)
        self.share = share

    def corrupt(self, rows):
        uniform = keras.random.uniform(ops.shape(rows), dtype=rows.dtype, seed=self.noise)
        return ops.where(uniform < self.share, 0.0, rows / (1 - self.share))

    def get_config(self):
        return {**super().get_config(), "share": self.share}


@keras.saving.register_keras_serializable(package="layerwise")
class GaussianCorruption(Corruption):
    """Add Gaussian noise of mean zero and standard deviation `stddev`, in units of the rows."""

    def __init__(self, stddev: float, seed: int = 0, **kwargs):
        super().__init__(seed, **kwargs)
        if stddev <= 0:
            raise ValueError(f"GaussianCorruption needs stddev > 0. Received: stddev={stddev}.")
        self.stddev = stddev

    def corrupt(self, rows):
        noise = keras.random.normal(ops.shape(rows), dtype=rows.dtype, seed=self.noise)
        return rows + self.stddev * noise

    def get_config(self):
        return {**super().get_config(), "stddev": self.stddev}


@keras.saving.register_keras_serializable(package="layerwise")
class SaltAndPepper(Corruption):
    """Replace each value, with probability `share`, by its column's least or greatest in the batch.

    Which of the two is a fair coin. Rows scaled to [0, 1] get zeros and ones.
    """

    def __init__(self, share: float, seed: int = 0, **kwargs):
        super().__init__(seed, **kwargs)
        _check_share("SaltAndPepper", share)
        self.share = share

    def corrupt(self, rows):
        uniform = keras.random.uniform(ops.shape(rows), dtype=rows.dtype, seed=self.noise)
        pepper = ops.min(rows, axis=0)
        salt = ops.max(rows, axis=0)
        extreme = ops.where(uniform < self.share / 2, pepper, salt)
        return ops.where(uniform < self.share, extreme, rows)

    def get_config(self):
        return {**super().get_config(), "share": self.share}


@keras.saving.register_keras_serializable(package="layerwise")
class Swap(Corruption):
    """Replace each column's value, with probability `share`, by that of any row of the batch.

    `columns` says of each feature which column it is of, numbered from 0: the features of a column,
    such as those of a one-hot vector, are replaced together. Without it each is a column.
    """

    def __init__(self, share: float, columns: Sequence[int] = (), seed: int = 0, **kwargs):
        super().__init__(seed, **kwargs)
        _check_share("Swap", share)
        self.share = share
        self.columns = tuple(columns)

    def corrupt(self, rows):
        number, features = ops.shape(rows)[0], rows.shape[1]
        columns = self.columns or tuple(range(features))
        if len(columns) != features:
            raise ValueError(
                f"Swap needs a column for each of the {features} features. "
                f"Received: {len(columns)} columns."
            )
        shape = (number, max(columns) + 1)
        swapped = keras.random.uniform(shape, seed=self.noise) < self.share
        drawn = keras.random.randint(shape, 0, number, seed=self.noise)
        swapped, drawn = (ops.take(values, columns, axis=1) for values in (swapped, drawn))
        return ops.where(swapped, ops.take_along_axis(rows, drawn, axis=0), rows)

    def get_config(self):
        return {**super().get_config(), "share": self.share, "columns": list(self.columns)}
