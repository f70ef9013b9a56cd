"""Corruption of the rows in training, so that the code must capture what columns share.

Each layer maps rows (rows, features) to corrupted rows of the same shape while training and leaves
them alone otherwise; the reconstruction loss compares with the clean rows. Noise comes from the
layer's own seed; a layer that is loaded begins it anew. With `up_to` each row has a strength of its
own, drawn evenly from the one given to this. Sources: Vincent et al., "Stacked Denoising
Autoencoders" (2010), section 3.3; `Swap`, Bahri et al., "SCARF" (2022), and before it Michael
Jahrer's autoencoders of tables (2017).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import keras
from keras import ops


class Corruption(keras.layers.Layer, ABC):
    """A layer that changes rows in training: a subclass says in `corrupt` how, by its own seed."""

    def __init__(self, seed: int, up_to: float | None = None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.up_to = up_to
        self.noise = keras.random.SeedGenerator(seed)

    def call(self, rows, training=False):
        return self.corrupt(rows) if training else rows

    @abstractmethod
    def corrupt(self, rows):
        """The corrupted rows (rows, features)."""

    def get_config(self):
        return {**super().get_config(), "seed": self.seed, "up_to": self.up_to}

    def strength(self, rows, least: float):
        """How strong the noise is: `least`, or of each row (rows, 1), between it and `up_to`."""
        if self.up_to is None:
            return least
        shape = (ops.shape(rows)[0], 1)
        return keras.random.uniform(shape, least, self.up_to, dtype=rows.dtype, seed=self.noise)


def _check_share(layer: str, share: float, up_to: float | None = None) -> None:
    if not 0 < share < 1:
        raise ValueError(f"{layer} needs 0 < share < 1. Received: share={share}.")
    if up_to is not None and not share < up_to < 1:
        raise ValueError(f"{layer} needs share < up_to < 1. Received: {share} and {up_to}.")


@keras.saving.register_keras_serializable(package="layerwise")
class Masking(Corruption):
    """Set each value to zero with probability `share`; the others grow by 1 / (1 - share).

    The growth keeps the mean: without it an encoder trained on half-empty rows overshoots on whole
    ones and their reconstruction is worse than the mean row. `grow=False` is for rows that come
    with values missing, which nothing has made to grow.
    """

    def __init__(
        self, share: float, seed: int = 0, up_to: float | None = None, grow: bool = True, **kwargs
    ):
        super().__init__(seed, up_to, **kwargs)
        _check_share("Masking", share, up_to)
        self.share = share
        self.grow = grow

    def corrupt(self, rows):
        share = self.strength(rows, self.share)
        uniform = keras.random.uniform(ops.shape(rows), dtype=rows.dtype, seed=self.noise)
        return ops.where(uniform < share, 0.0, rows / (1 - share) if self.grow else rows)

    def get_config(self):
        return {**super().get_config(), "share": self.share, "grow": self.grow}


@keras.saving.register_keras_serializable(package="layerwise")
class GaussianCorruption(Corruption):
    """Add Gaussian noise of mean zero and standard deviation `stddev`, in units of the rows."""

    def __init__(self, stddev: float, seed: int = 0, up_to: float | None = None, **kwargs):
        super().__init__(seed, up_to, **kwargs)
        if stddev <= 0:
            raise ValueError(f"GaussianCorruption needs stddev > 0. Received: stddev={stddev}.")
        if up_to is not None and up_to <= stddev:
            raise ValueError(
                f"GaussianCorruption needs stddev < up_to. Received: {stddev} and {up_to}."
            )
        self.stddev = stddev

    def corrupt(self, rows):
        stddev = self.strength(rows, self.stddev)
        noise = keras.random.normal(ops.shape(rows), dtype=rows.dtype, seed=self.noise)
        return rows + stddev * noise

    def get_config(self):
        return {**super().get_config(), "stddev": self.stddev}


@keras.saving.register_keras_serializable(package="layerwise")
class SaltAndPepper(Corruption):
    """Replace each value, with probability `share`, by its column's least or greatest in the batch.

    Which of the two is a fair coin. Rows scaled to [0, 1] get zeros and ones.
    """

    def __init__(self, share: float, seed: int = 0, up_to: float | None = None, **kwargs):
        super().__init__(seed, up_to, **kwargs)
        _check_share("SaltAndPepper", share, up_to)
        self.share = share

    def corrupt(self, rows):
        share = self.strength(rows, self.share)
        uniform = keras.random.uniform(ops.shape(rows), dtype=rows.dtype, seed=self.noise)
        pepper = ops.min(rows, axis=0)
        salt = ops.max(rows, axis=0)
        extreme = ops.where(uniform < share / 2, pepper, salt)
        return ops.where(uniform < share, extreme, rows)

    def get_config(self):
        return {**super().get_config(), "share": self.share}


@keras.saving.register_keras_serializable(package="layerwise")
class Swap(Corruption):
    """Replace each column's value, with probability `share`, by that of any row of the batch.

    `columns` says of each feature which column it is of, numbered from 0: the features of a column,
    such as those of a one-hot vector, are replaced together. Without it each is a column.
    """

    def __init__(
        self,
        share: float,
        columns: Sequence[int] = (),
        seed: int = 0,
        up_to: float | None = None,
        **kwargs,
    ):
        super().__init__(seed, up_to, **kwargs)
        _check_share("Swap", share, up_to)
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
        share = self.strength(rows, self.share)
        swapped = keras.random.uniform(shape, seed=self.noise) < share
        drawn = keras.random.randint(shape, 0, number, seed=self.noise)
        swapped, drawn = (ops.take(values, columns, axis=1) for values in (swapped, drawn))
        return ops.where(swapped, ops.take_along_axis(rows, drawn, axis=0), rows)

    def get_config(self):
        return {**super().get_config(), "share": self.share, "columns": list(self.columns)}
