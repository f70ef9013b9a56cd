"""The layers under test by name, and how the tests look at them: plain numbers in, NumPy out."""

import numpy as np
from keras import ops

from layers import SparseAutoencoder, SparsityMechanism
from layers.corruption import GaussianCorruption, Masking, SaltAndPepper, Swap
from tests.mechanisms import activation_for, mechanisms

MECHANISMS = mechanisms(number=5)
LAYERS = {name: part.layer for name, part in MECHANISMS.items() if name != "none"}
"""What makes the layer of each mechanism."""
PENALTIES = [
    name for name, layer in LAYERS.items() if type(layer()).penalty is not SparsityMechanism.penalty
]
LIMITS = [name for name, layer in LAYERS.items() if layer().hard_limit]
CORRUPTIONS = {
    "none": lambda: None,
    "masking": lambda: Masking(share=0.3, seed=1),
    "gaussian": lambda: GaussianCorruption(stddev=0.2, seed=1),
    "salt_and_pepper": lambda: SaltAndPepper(share=0.3, seed=1),
    "swap": lambda: Swap(share=0.3, seed=1),
}
SHAPES = [(1, 5), (4, 7), (64, 16), (6, 200)]
"""(rows, units) of the random matrices; every mechanism above fits, the last two are extremes."""


def autoencoder(mechanism="none", units=24, corruption="none", **arguments):
    """A sparse autoencoder with one of the mechanisms, with the activation the mechanism needs."""
    arguments.setdefault("activation", activation_for(MECHANISMS[mechanism], units))
    return SparseAutoencoder(
        units,
        sparsity=MECHANISMS[mechanism].layer(),
        corruption=CORRUPTIONS[corruption](),
        **arguments,
    )


def respond(layer, inputs, training=False):
    """What a layer gives for the inputs, and the loss it adds."""
    output = layer(np.asarray(inputs, "float32"), training=training)
    return ops.convert_to_numpy(output), total_loss(layer)


def total_loss(layer):
    """The sum of the losses of the layer's last call."""
    return float(sum(float(loss) for loss in layer.losses))


def array(tensor):
    """A copy as NumPy of a tensor or variable."""
    return ops.convert_to_numpy(tensor).copy()
