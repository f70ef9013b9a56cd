"""Training on standardised rows: there and back, so that what is kept reads the rows themselves."""

from typing import NamedTuple, Self

import numpy as np

from layers import SparseAutoencoder
from pipeline.data.rows.aligned import aligned_empty
from pipeline.data.rows.streamed import Rows, StreamedRows
from pipeline.training.pretraining.level import column_moments

LEAST_STANDARD_DEVIATION = 1e-3
"""A column that varies less is standardised as if it varied this much."""


class Standardizing(NamedTuple):
    """(rows - offset) / scale, each of shape (columns,)."""

    offset: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, rows: Rows) -> Self:
        """To mean 0 and standard deviation 1 of every column of rows (rows, columns)."""
        mean, variance = column_moments(rows)
        return cls(mean, np.maximum(np.sqrt(variance), LEAST_STANDARD_DEVIATION))

    def apply(self, rows: Rows) -> Rows:
        """The standardised rows (rows, columns): in memory or on disk, as they are."""
        if isinstance(rows, StreamedRows):
            return rows.changed(lambda block: (block - self.offset) / self.scale, rows.shape[1])
        standardized = aligned_empty(rows.shape, rows.dtype)
        np.subtract(rows, self.offset, out=standardized)
        return np.divide(standardized, self.scale, out=standardized)

    def copy_for_rows(self, autoencoder: SparseAutoencoder) -> SparseAutoencoder:
        """A model of the same settings for rows as they are; `fold` gives it its weights."""
        copy = SparseAutoencoder.from_config(
            autoencoder.get_config() | {"feature_variance": float(np.square(self.scale).mean())}
        )
        copy.build((None, len(self.scale)))
        return copy

    def fold(self, autoencoder: SparseAutoencoder, into: SparseAutoencoder) -> None:
        """Let `into` make of rows what the autoencoder makes of standardised ones."""
        into.set_weights(autoencoder.get_weights())
        kernel, bias = into.encoder.get_weights()
        into.encoder.set_weights(
            [kernel / self.scale[:, None], bias - (self.offset / self.scale) @ kernel]
        )
        kernel, bias = into.decoder.get_weights()
        into.decoder.set_weights([kernel * self.scale, bias * self.scale + self.offset])

    def unfold(self, autoencoder: SparseAutoencoder, columns: np.ndarray) -> None:
        """Let an autoencoder make of standardised rows what it made of the rows.

        Of these columns, int64 positions; its weights are for standardised ones of the others.
        """
        others = np.full(len(self.scale), True)
        others[columns] = False
        scale, offset = np.where(others, 1, self.scale), np.where(others, 0, self.offset)
        kernel, bias = autoencoder.encoder.get_weights()
        autoencoder.encoder.set_weights([kernel * scale[:, None], bias + offset @ kernel])
        kernel, bias = autoencoder.decoder.get_weights()
        autoencoder.decoder.set_weights([kernel / scale, (bias - offset) / scale])
