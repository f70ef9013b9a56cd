"""The levels of a stack as one model: the deep autoencoder."""

import keras


@keras.saving.register_keras_serializable(package="layerwise")
class DeepAutoencoder(keras.Model):
    """An encoder and a decoder that are trained together.

    Shapes: scaled rows (rows, features) to rows of the same shape, decoded from their code.

    Arguments:
      encoder: a model from rows to codes (rows, units).
      decoder: a model from codes back to rows.
    """

    def __init__(self, encoder: keras.Sequential, decoder: keras.Sequential, **kwargs):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.decoder = decoder

    def build(self, input_shape):
        self.encoder.build(input_shape)
        self.decoder.build((None, self.encoder.output_shape[-1]))
        self.built = True

    def call(self, rows):
        return self.decoder(self.encoder(rows))

    def get_config(self):
        parts = {"encoder": self.encoder, "decoder": self.decoder}
        serialized = {
            name: keras.saving.serialize_keras_object(part) for name, part in parts.items()
        }
        return {**super().get_config(), **serialized}

    @classmethod
    def from_config(cls, config):
        parts = {
            part: keras.saving.deserialize_keras_object(config[part])
            for part in ("encoder", "decoder")
        }
        return cls(**{**config, **parts})


@keras.saving.register_keras_serializable(package="layerwise")
class Embedding(DeepAutoencoder):
    """The same, of which the code is what is asked for: rows (rows, features) to (rows, dims)."""

    def call(self, rows):
        return self.encoder(rows)
