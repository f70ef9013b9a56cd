"""What every sparsity mechanism says of itself."""

from functools import partial

import keras
import numpy as np

from layers.sparsity.kth_largest import kth_largest_by_sort
from layers.sparsity.largest import largest


class SparsityMechanism(keras.layers.Layer):
    """A layer between encoder and decoder that makes the code sparse.

    It maps activations (rows, units) to a code of the same shape. A penalty or regularizer leaves
    the activations as they are and adds a loss (`penalty`); a hard limit zeroes some of them
    (`fixed`, and `limit` where the other rows of a training batch matter). A new mechanism is a
    subclass in a file of this folder and its config class in `pipeline/config/sparsity.py`.

    `search`, with which it may be called, takes the place of `largest`: the same function compiled
    as one kernel, or with a selection of the backend's own.
    """

    hard_limit = False
    """Whether it is part of the code and goes with the encoder wherever codes are passed on; a
    penalty stays in pretraining."""

    def penalty(self, activations):
        """A scalar that is added to the loss, or None."""
        return None

    def fixed(self, activations, search):
        """The code outside training, which is the exported one too.

        That of a row depends on the row and on the layer's weights alone.
        """
        return activations

    def limit(self, activations, search):
        """The code in training."""
        return self.fixed(activations, search)

    def restart(self, units: np.ndarray) -> None:
        """Forget what these units (units,), indices, learned, so that it cannot keep them dead."""

    def call(self, activations, training=False, search=None):
        penalty = self.penalty(activations)
        if penalty is not None:
            self.add_loss(penalty)
        if training:
            return self.limit(activations, search or largest)
        # The search that training compiles is slower than a sort where nothing compiles it.
        return self.fixed(activations, search or partial(largest, find=kth_largest_by_sort))
