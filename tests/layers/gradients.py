"""Gradients of a layer on the backend in use: the one place here that knows more than Keras."""

import keras
import numpy as np
from keras import ops


def gradients(layer, inputs, upstream):
    """Gradients of sum(upstream * output) + the layer's loss, in training.

    Returns the gradient with respect to the inputs and a list of those with respect to the
    trainable variables, as NumPy.
    """
    layer(inputs, training=True)

    def objective(inputs, weights):
        output, _, losses = layer.stateless_call(
            weights,
            [variable.value for variable in layer.non_trainable_variables],
            inputs,
            training=True,
            return_losses=True,
        )
        return ops.sum(output * upstream) + sum(losses)

    inputs = ops.convert_to_tensor(inputs)
    weights = [ops.convert_to_tensor(variable.value) for variable in layer.trainable_variables]
    of_inputs, of_weights = _differentiate(objective, inputs, weights)
    return np.asarray(of_inputs), [np.asarray(gradient) for gradient in of_weights]


def _differentiate(objective, inputs, weights):
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            with tf.GradientTape() as tape:
                tape.watch([inputs, *weights])
                value = objective(inputs, weights)
            return tape.gradient(value, [inputs, weights])
        case "jax":
            import jax

            return jax.grad(objective, argnums=(0, 1))(inputs, weights)
        case backend:
            raise NotImplementedError(f"No gradients here for the backend {backend}.")
