"""A decoder that uses the encoder's weights."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="layerwise")
class TiedDecoder(keras.layers.Layer):
    """reconstruction = activation(code @ transpose(encoder kernel) + bias).

    Shapes: code (rows, units), encoder kernel (features, units), output (rows, features). Only the
    bias is the decoder's own. All is computed in `precision`.
    Source: Vincent et al. (2010), section 2.2.
    """

    def __init__(self, features: int, activation: str = "linear", **kwargs):
        super().__init__(**kwargs)
        self.features = features
        self.activation = activation

    def build(self, input_shape):
        self.bias = self.add_weight(name="bias", shape=(self.features,), initializer="zeros")

    def call(self, code, encoder_kernel, precision="float32"):
        code, kernel, bias = (
            ops.cast(part, precision) for part in (code, encoder_kernel, self.bias)
        )
        reconstruction = ops.matmul(code, ops.transpose(kernel)) + bias
        return keras.activations.get(self.activation)(reconstruction)

    def get_config(self):
        return {
            **super().get_config(),
            "features": self.features,
            "activation": self.activation,
        }
