"""One sparse autoencoder: corruption, encoder, sparsity mechanism, decoder, loss and metrics."""

import keras
from keras import ops

from layers.category_softmax import CategorySoftmax
from layers.dense import Dense
from layers.metrics import ActiveFraction, DeadFraction, ExplainedVariance, ReconstructionError
from layers.sparsity import SparsityMechanism
from layers.tied_decoder import TiedDecoder

# A sigmoid unit is never exactly zero: it counts as active from the middle of its range.
ACTIVE_ABOVE = {"relu": 0.0, "linear": 0.0, "tanh": 0.0, "sigmoid": 0.5}
# The decoder starts as the encoder's transpose at a tenth of its size. At full or random size the
# first reconstructions overshoot, and driving them down kills most units in the first epoch.
DECODER_START = 0.1
RECONSTRUCTION_LOSSES = ("normalized", "squared", "crossentropy")


@keras.saving.register_keras_serializable(package="layerwise")
class SparseAutoencoder(keras.Model):
    """reconstruction = decoder(sparsity(encoder(corruption(rows)))), compared with the clean rows.

    Called on rows (rows, features) it gives {"code": (rows, units), "reconstruction": (rows,
    features)} and adds its loss, so that `compile(optimizer)` and `fit(rows)` train it without a
    target. Any width, overcomplete too.

    Arguments:
      units: width of the code.
      activation: of the encoder: `relu`, `sigmoid`, `tanh` or `linear`.
      sparsity: a layer of `layers.sparsity`, or None.
      corruption: a layer of `layers.corruption`, or None; acts in training only.
      tied: the decoder uses the encoder's transposed kernel and has only a bias of its own.
      decoder_activation: `linear` or `sigmoid`.
      unit_norm_decoder: keep each unit's decoder weights at Euclidean norm 1.
      loss: `normalized`, mean squared error over `feature_variance` (1 is as bad as the mean row);
        `squared`, half the squared distance, summed over features (Ng, CS294A); `crossentropy`,
        summed over features, for rows in [0, 1] and a sigmoid decoder (Vincent et al. 2010).
      feature_variance: mean variance of the features, for the normalized loss.
      categories: a `CategorySoftmax`, which says which features are one-hot vectors: they are
        decoded by a softmax, and judged by cross-entropy in the normalized loss; or None.
      seed: of the initial weights.

    Raises `ValueError` for values outside these, for cross-entropy without a sigmoid decoder, and
    for categories without the normalized loss and a linear decoder.
    """

    def __init__(
        self,
        units: int,
        *,
        activation: str = "relu",
        sparsity: SparsityMechanism | None = None,
        corruption: keras.layers.Layer | None = None,
        tied: bool = False,
        decoder_activation: str = "linear",
        unit_norm_decoder: bool = False,
        loss: str = "normalized",
        feature_variance: float = 1.0,
        categories: CategorySoftmax | None = None,
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"SparseAutoencoder needs units >= 1. Received: units={units}.")
        _check_choice("activation", activation, tuple(ACTIVE_ABOVE))
        _check_choice("decoder_activation", decoder_activation, ("linear", "sigmoid"))
        _check_choice("loss", loss, RECONSTRUCTION_LOSSES)
        if loss == "crossentropy" and decoder_activation != "sigmoid":
            raise ValueError(
                "SparseAutoencoder with loss='crossentropy' needs decoder_activation='sigmoid'. "
                f"Received: decoder_activation={decoder_activation!r}."
            )
        if feature_variance <= 0:
            raise ValueError(
                f"SparseAutoencoder needs feature_variance > 0. Received: {feature_variance}."
            )
        if categories and (loss != "normalized" or decoder_activation != "linear"):
            raise ValueError(
                "SparseAutoencoder with categories needs loss='normalized' and "
                f"decoder_activation='linear'. Received: loss={loss!r} and "
                f"decoder_activation={decoder_activation!r}."
            )
        self.units = units
        self.activation = activation
        self.tied = tied
        self.decoder_activation = decoder_activation
        self.unit_norm_decoder = unit_norm_decoder
        self.reconstruction_loss = loss
        self.feature_variance = feature_variance
        self.categories = categories
        self.seed = seed
        self.corruption = corruption
        self.sparsity = sparsity
        self.encoder = Dense(
            units,
            activation=activation,
            kernel_initializer=_initializer(activation, seed),
            kernel_constraint=keras.constraints.UnitNorm(axis=0)
            if tied and unit_norm_decoder
            else None,
            name="encoder",
        )

    def build(self, input_shape):
        """Make the weights for rows of shape (any, features)."""
        features = input_shape[-1]
        code_shape = (None, self.units)
        self.encoder.build(input_shape)
        if self.sparsity and not self.sparsity.built:  # Keras rebuilds a part when it loads it
            self.sparsity.build(code_shape)
        if self.tied:
            self.decoder = TiedDecoder(features, self.decoder_activation, name="decoder")
        else:
            self.decoder = Dense(
                features,
                activation=self.decoder_activation,
                kernel_constraint=keras.constraints.UnitNorm(axis=1)
                if self.unit_norm_decoder
                else None,
                name="decoder",
            )
        self.decoder.build(code_shape)
        if not self.tied:
            self.decoder.kernel.assign(DECODER_START * ops.transpose(self.encoder.kernel))
        if self.unit_norm_decoder:
            layer = self.encoder if self.tied else self.decoder
            layer.kernel.assign(layer.kernel_constraint(layer.kernel))
        self.reconstruction_error = ReconstructionError()
        self.explained_variance = ExplainedVariance(features)
        self.active_fraction = ActiveFraction()
        self.dead_fraction = DeadFraction(self.units)
        self.mean_activation = keras.metrics.Mean(name="mean_activation")
        self.built = True

    def encode(self, rows, training=False):
        """The code of rows (rows, features), without corruption: (rows, units)."""
        return self.sparsify(self.encoder(rows), training)

    def sparsify(self, activations, training=False, search=None):
        """The code from the encoder's activations (rows, units), of the same shape."""
        if self.sparsity is None:
            return activations
        return self.sparsity(activations, training=training, search=search)

    def decode(self, code, precision="float32"):
        """The rows (rows, features) that a code (rows, units) stands for."""
        return self._reconstruction(self._decoded(code, precision))

    def call(self, rows, training=False, corrupted=None, precision="float32", search=None):
        """Code and reconstruction of rows (rows, features); adds the loss.

        `corrupted` are the rows as the encoder gets them, where its caller corrupted them. Products
        are made in `precision`; the code and the loss are computed in the model's own. `search` is
        the sparsity mechanism's.
        """
        if corrupted is None:
            corrupted = self.corruption(rows, training=training) if self.corruption else rows
        activations = ops.cast(self.encoder(corrupted, precision=precision), self.compute_dtype)
        code = self.sparsify(activations, training, search)
        decoded = ops.cast(self._decoded(code, precision), self.compute_dtype)
        self.add_loss(self._reconstruction_loss(rows, decoded))
        return {"code": code, "reconstruction": self._reconstruction(decoded)}

    def active(self, code):
        """1 where a unit of the code is active, 0 elsewhere."""
        return ops.cast(ops.abs(code) > ACTIVE_ABOVE[self.activation], "float32")

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Take one batch into the metrics: `fit` and `evaluate` call it, and so may others."""
        active = self.active(y_pred["code"])
        self.reconstruction_error.update_state(x, y_pred["reconstruction"])
        self.explained_variance.update_state(x, y_pred["reconstruction"])
        self.active_fraction.update_state(active)
        self.dead_fraction.update_state(active)
        self.mean_activation.update_state(y_pred["code"])
        return self.get_metrics_result()

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "activation": self.activation,
            "sparsity": keras.saving.serialize_keras_object(self.sparsity),
            "corruption": keras.saving.serialize_keras_object(self.corruption),
            "tied": self.tied,
            "decoder_activation": self.decoder_activation,
            "unit_norm_decoder": self.unit_norm_decoder,
            "loss": self.reconstruction_loss,
            "feature_variance": self.feature_variance,
            "categories": keras.saving.serialize_keras_object(self.categories),
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config):
        parts = {
            part: keras.saving.deserialize_keras_object(config.get(part))
            for part in ("sparsity", "corruption", "categories")
        }
        return cls(**{**config, **parts})

    def _decoded(self, code, precision):
        """What the decoder gives for a code, of categories the logits: (rows, features)."""
        if self.tied:
            return self.decoder(code, self.encoder.kernel, precision=precision)
        return self.decoder(code, precision=precision)

    def _reconstruction(self, decoded):
        return self.categories(decoded) if self.categories else decoded

    def _reconstruction_loss(self, rows, decoded):
        if self.categories:
            errors = self.categories.errors(rows, decoded)
            return ops.mean(errors) / (rows.shape[-1] * self.feature_variance)
        if self.reconstruction_loss == "crossentropy":
            entropy = keras.losses.binary_crossentropy(rows, decoded)
            return ops.mean(entropy) * rows.shape[-1]
        error = ops.mean(ops.square(rows - decoded))
        if self.reconstruction_loss == "squared":
            return 0.5 * error * rows.shape[-1]
        return error / self.feature_variance


def _initializer(activation: str, seed: int) -> keras.initializers.Initializer:
    """He et al. (2015) for ReLU, Glorot & Bengio (2010) for the others."""
    if activation == "relu":
        return keras.initializers.HeNormal(seed=seed)
    return keras.initializers.GlorotUniform(seed=seed)


def _check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(
            f"SparseAutoencoder needs {name} to be one of {', '.join(allowed)}. "
            f"Received: {name}={value!r}."
        )
