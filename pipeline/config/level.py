"""One level of the stack."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import ConfigDict, Field, PositiveFloat, PositiveInt

from pipeline.config.corruption import Corruption, NoCorruption
from pipeline.config.part import Part, rule
from pipeline.config.sparsity import NoSparsity, Sparsity


def _where(given: dict[str, Any], needs: dict[str, Any]) -> dict[str, Any]:
    """The JSON schema of a rule across keys."""
    return {"if": {"properties": given}, "then": {"properties": needs}}


def _mechanism(name: str) -> dict[str, Any]:
    return {"sparsity": {"properties": {"mechanism": {"const": name}}, "required": ["mechanism"]}}


FORM_RULES: dict[str, Any] = {
    "sparsity": {
        "allOf": [
            _where(_mechanism("kl"), {"activation": {"const": "sigmoid"}}),
            _where(_mechanism("jumprelu"), {"activation": {"enum": ["relu", "linear"]}}),
        ]
    },
    "loss": {
        "allOf": [
            _where(
                {"loss": {"const": "crossentropy"}}, {"decoder_activation": {"const": "sigmoid"}}
            ),
            _where(
                {"loss": {"const": "by_kind"}},
                {"decoder_activation": {"const": "linear"}, "standardize": {"const": False}},
            ),
        ]
    },
    "standardize": _where(
        {"standardize": {"const": True}},
        {
            "tied": {"const": False},
            "unit_norm_decoder": {"const": False},
            "decoder_activation": {"const": "linear"},
        },
    ),
}
"""Rules across keys that forms and editors can check, by the key that makes them hold."""


class LevelTraining(Part):
    """One sparse autoencoder and how it is pretrained."""

    model_config = ConfigDict(json_schema_extra={"dependentSchemas": FORM_RULES})

    units: PositiveInt = Field(description="Width of the code; more than the inputs is allowed.")
    activation: Literal["relu", "sigmoid", "tanh", "linear"] = Field(
        "relu", description="Of the encoder."
    )
    sparsity: Sparsity = Field(NoSparsity(), description="The sparsity mechanism.")
    corruption: Corruption = Field(
        NoCorruption(),
        description="What is done to the rows in training; the loss sees clean rows.",
    )
    tied: bool = Field(False, description="The decoder uses the encoder's transposed weights.")
    decoder_activation: Literal["linear", "sigmoid"] = Field(
        "linear", description="Of the decoder."
    )
    unit_norm_decoder: bool = Field(
        False, description="Keep each unit's decoder weights at norm 1."
    )
    loss: Literal["normalized", "squared", "crossentropy", "by_kind"] = Field(
        "normalized",
        description="Reconstruction loss: squared error over the variance of the rows; half the "
        "squared distance; cross-entropy (rows in [0, 1], sigmoid decoder); or, at the first "
        "level, `normalized` by the kind of column: a table's categories are decoded by a softmax "
        "each and judged by cross-entropy (linear decoder, not with `standardize` nor with "
        "`finetune.reconstruction`). Without categories it is `normalized`.",
    )
    standardize: bool = Field(
        False,
        description="While the level pretrains, each column that it reads has mean 0 and standard "
        "deviation 1; afterwards its weights absorb this. Needs an untied, linear decoder of free "
        "norm.",
    )
    revive: bool = Field(True, description="Give dead units a new start between epochs.")
    epochs: PositiveInt = Field(12, description="Passes over the pretraining rows.")
    min_steps: PositiveInt = Field(1, description="Steps at least, where rows are few.")
    batch_size: PositiveInt = Field(256, description="Rows of a training step.")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="Of the products while the level pretrains; weights and what they are used for "
        "afterwards are float32. bfloat16 trains wide levels faster on GPUs and processors that "
        "have it (1.2 to 1.7 times with AVX512-BF16), and is slower on others.",
    )
    learning_rate: PositiveFloat = Field(
        1e-3, description="Of Adam; constant for the first half, then falling linearly to zero."
    )
    retry: bool = Field(
        False,
        description="When the loss is no longer a finite number, go on once from the end of the "
        "last epoch at a tenth of the learning rate, instead of ending the run.",
    )

    @rule
    def _the_mechanism_fits(self) -> Iterator[str]:
        yield from self.sparsity.problems(self)

    @rule
    def _the_decoder_can_be_standardized(self) -> Iterator[str]:
        if self.standardize and (
            self.tied or self.unit_norm_decoder or self.decoder_activation != "linear"
        ):
            yield (
                "standardize needs a decoder that can absorb the scaling: tied: false, "
                "unit_norm_decoder: false and decoder_activation: linear. "
                f"Given: {self.tied}, {self.unit_norm_decoder} and {self.decoder_activation}."
            )

    @rule
    def _crossentropy_has_shares(self) -> Iterator[str]:
        if self.loss == "crossentropy" and self.decoder_activation != "sigmoid":
            yield (
                "loss: crossentropy needs decoder_activation: sigmoid. "
                f"Given: {self.decoder_activation}."
            )

    @rule
    def _categories_have_a_softmax(self) -> Iterator[str]:
        if self.loss == "by_kind" and (self.standardize or self.decoder_activation != "linear"):
            yield (
                "loss: by_kind needs decoder_activation: linear, to which it adds the softmax of "
                "categories, and standardize: false, so that these are ones and zeros. "
                f"Given: {self.decoder_activation} and {self.standardize}."
            )


class LevelConfig(LevelTraining):
    """One sparse autoencoder of the stack, and what it passes on."""

    passes_on: Literal["activations", "code"] = Field(
        "activations",
        description="What the next level and the head read: the encoder's activations, or the "
        "sparse code.",
    )

    def training(self) -> LevelTraining:
        """What pretraining reads: what is passed on concerns those above."""
        return LevelTraining(**{name: getattr(self, name) for name in LevelTraining.model_fields})
