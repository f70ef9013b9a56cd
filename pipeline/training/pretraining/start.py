"""What a level starts from instead of new weights: an earlier level, feature by feature."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple, Self

import numpy as np

from layers import SparseAutoencoder


class Start(NamedTuple):
    """An earlier level, and where the features are that it and the rows have in common."""

    autoencoder: SparseAutoencoder
    before: np.ndarray
    """Their positions in what the earlier level reads, int64 (shared features,)."""
    now: np.ndarray
    """Their positions in the rows, in the same order, int64 (shared features,)."""

    @classmethod
    def of(
        cls, autoencoder: SparseAutoencoder, before: Sequence[Hashable], now: Sequence[Hashable]
    ) -> Self:
        """From the names of what the autoencoder reads, and of the features of the rows."""
        positions = {feature: position for position, feature in enumerate(before)}
        shared = [position for position, feature in enumerate(now) if feature in positions]
        found = [positions[now[position]] for position in shared]
        return cls(autoencoder, np.array(found, np.int64), np.array(shared, np.int64))

    def give(self, autoencoder: SparseAutoencoder) -> None:
        """Give an autoencoder of the rows the earlier level's weights.

        Those of a feature that is new stay as they are. A feature that is gone is to the units as
        if it were zero: as that of a category is which no row has.
        """
        earlier = self.autoencoder
        # Copies: what the backend hands out may be read-only.
        kernel, _ = map(np.array, autoencoder.encoder.get_weights())
        earlier_kernel, bias = earlier.encoder.get_weights()
        kernel[self.now] = earlier_kernel[self.before]
        autoencoder.encoder.set_weights([kernel, bias])
        if autoencoder.sparsity and earlier.sparsity:
            autoencoder.sparsity.set_weights(earlier.sparsity.get_weights())
        # A kernel (units, features), unless it is tied, and a bias (features,).
        of_decoder = [np.array(weights) for weights in autoencoder.decoder.get_weights()]
        for weights, earlier_weights in zip(of_decoder, earlier.decoder.get_weights(), strict=True):
            weights[..., self.now] = earlier_weights[..., self.before]
        autoencoder.decoder.set_weights(of_decoder)
        changed = {len(kernel), len(earlier_kernel)} != {len(self.now)}
        if autoencoder.unit_norm_decoder and changed:
            layer = autoencoder.encoder if autoencoder.tied else autoencoder.decoder
            layer.kernel.assign(layer.kernel_constraint(layer.kernel))
