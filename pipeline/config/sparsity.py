"""The sparsity mechanisms that a level may have: what each is set by, and the layer that does it.

A new one is a class here, in the union at the end, and its layer's file in `layers/sparsity/`.
Layers are imported where they are made, for a config is read without Keras.
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt
from typing_extensions import override

from pipeline.config.part import Part, Share

if TYPE_CHECKING:
    from layers.sparsity import SparsityMechanism
    from pipeline.config.level import LevelTraining


class Mechanism(Part, ABC):
    """What every mechanism has."""

    def problems(self, level: "LevelTraining") -> list[str]:
        """Why the level cannot have it; empty if it can.

        Reads no more of the level than it needs, for other values may be wrong.
        """
        return []

    @abstractmethod
    def layer(self) -> "SparsityMechanism | None":
        """The layer between encoder and decoder."""


class NoSparsity(Mechanism):
    """No sparsity constraint."""

    mechanism: Literal["none"] = "none"

    @override
    def layer(self) -> None:
        return None


class L1(Mechanism):
    """A penalty on the size of the code."""

    mechanism: Literal["l1"] = "l1"
    weight: PositiveFloat = Field(1e-3, description="Times the summed absolute code of a row.")

    @override
    def layer(self) -> "SparsityMechanism":
        from layers.sparsity.l1 import L1Penalty

        return L1Penalty(self.weight)


class KL(Mechanism):
    """A regularizer toward a sparsity proportion; needs a sigmoid encoder."""

    mechanism: Literal["kl"] = "kl"
    proportion: Share = Field(0.1, description="The target mean activation of each unit (rho).")
    weight: PositiveFloat = Field(1e-2, description="Times the divergence summed over units.")

    @override
    def problems(self, level: "LevelTraining") -> list[str]:
        if level.activation == "sigmoid":
            return []
        return [
            "the kl mechanism compares mean activations in [0, 1]: it needs activation: sigmoid. "
            f"Given: {level.activation}."
        ]

    @override
    def layer(self) -> "SparsityMechanism":
        from layers.sparsity.kl import KLDivergence

        return KLDivergence(self.proportion, self.weight)


class TopKLimit(Mechanism):
    """A hard limit on the active units of each row."""

    mechanism: Literal["topk"] = "topk"
    k: PositiveInt = Field(description="Units that stay active.")

    @override
    def problems(self, level: "LevelTraining") -> list[str]:
        return _more_than_units(self.k, level.units)

    @override
    def layer(self) -> "SparsityMechanism":
        from layers.sparsity.topk import TopK

        return TopK(self.k)


class BatchTopKLimit(Mechanism):
    """A hard limit on the active units of a batch; a fixed threshold outside training."""

    mechanism: Literal["batch_topk"] = "batch_topk"
    k: PositiveInt = Field(description="Units that stay active, per row on average.")

    @override
    def problems(self, level: "LevelTraining") -> list[str]:
        return _more_than_units(self.k, level.units)

    @override
    def layer(self) -> "SparsityMechanism":
        from layers.sparsity.batch_topk import BatchTopK

        return BatchTopK(self.k)


class Lifetime(Mechanism):
    """A hard limit on the rows of a batch that each unit is active for."""

    mechanism: Literal["lifetime"] = "lifetime"
    proportion: Share = Field(0.1, description="The share of a batch's rows that each unit keeps.")

    @override
    def layer(self) -> "SparsityMechanism":
        from layers.sparsity.lifetime import LifetimeSparsity

        return LifetimeSparsity(self.proportion)


class JumpReLUPenalty(Mechanism):
    """A learned threshold for each unit, with a penalty on the number of active units."""

    mechanism: Literal["jumprelu"] = "jumprelu"
    weight: PositiveFloat = Field(1e-3, description="Times the number of active units of a row.")
    bandwidth: PositiveFloat = Field(0.1, description="Width of the gradient estimator's kernel.")
    initial_threshold: PositiveFloat = Field(0.1, description="Where every threshold starts.")

    @override
    def problems(self, level: "LevelTraining") -> list[str]:
        if level.activation in ("relu", "linear"):
            return []
        return [
            f"the jumprelu mechanism needs activation: relu or linear. Given: {level.activation}."
        ]

    @override
    def layer(self) -> "SparsityMechanism":
        from layers.sparsity.jumprelu import JumpReLU

        return JumpReLU(self.weight, self.bandwidth, self.initial_threshold)


def _more_than_units(k: int, units: int) -> list[str]:
    return [f"sparsity.k must be at most units = {units}. Given: {k}."] if k > units else []


Sparsity = Annotated[
    NoSparsity | L1 | KL | TopKLimit | BatchTopKLimit | Lifetime | JumpReLUPenalty,
    Field(discriminator="mechanism"),
]
