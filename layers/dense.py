"""A dense layer whose product may be made in another precision than its weights have."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="layerwise")
class Dense(keras.layers.Dense):
    """activation(inputs @ kernel + bias); with `precision` all of it in that type, the output too.

    Shapes: (rows, features) to (rows, units).
    """

    def call(self, inputs, precision="float32"):
        if precision == "float32":
            return super().call(inputs)
        kernel, bias = (ops.cast(weight, precision) for weight in (self.kernel, self.bias))
        return self.activation(ops.matmul(ops.cast(inputs, precision), kernel) + bias)
