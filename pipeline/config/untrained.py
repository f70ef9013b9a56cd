"""The shape of the network: which settings of a level untrained weights depend on."""

from collections.abc import Sequence
from typing import Literal

from pipeline.config.level import LevelConfig
from pipeline.config.part import Part
from pipeline.config.sparsity import NoSparsity, Sparsity


class UntrainedLevel(Part):
    """A level as it is before training; how it is to be pretrained is no part of it."""

    units: int
    activation: str
    tied: bool
    unit_norm_decoder: bool
    passes_on: Literal["activations", "code"]
    sparsity: Sparsity = NoSparsity()
    """Where the code is passed on or decoded: else it has no effect on what is computed."""
    decoder_activation: Literal["linear", "sigmoid"] = "linear"
    """Where a decoder is needed."""


def untrained(stack: Sequence[LevelConfig], decoder: bool) -> tuple[UntrainedLevel, ...]:
    """The levels of a stack as they are before training, with a decoder or without."""
    return tuple(
        UntrainedLevel(
            units=level.units,
            activation=level.activation,
            tied=level.tied,
            unit_norm_decoder=level.unit_norm_decoder,
            passes_on=level.passes_on,
            **({"sparsity": level.sparsity} if decoder or level.passes_on == "code" else {}),
            **({"decoder_activation": level.decoder_activation} if decoder else {}),
        )
        for level in stack
    )
