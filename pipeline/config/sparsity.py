"""The sparsity mechanisms that a level may have."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from pipeline.config.part import Part, Share


class NoSparsity(Part):
    """No sparsity constraint."""

    mechanism: Literal["none"] = "none"


class L1(Part):
    """A penalty on the size of the code."""

    mechanism: Literal["l1"] = "l1"
    weight: PositiveFloat = Field(1e-3, description="Times the summed absolute code of a row.")


class KL(Part):
    """A regularizer toward a sparsity proportion; needs a sigmoid encoder."""

    mechanism: Literal["kl"] = "kl"
    proportion: Share = Field(0.1, description="The target mean activation of each unit (rho).")
    weight: PositiveFloat = Field(1e-2, description="Times the divergence summed over units.")


class TopKLimit(Part):
    """A hard limit on the active units of each row."""

    mechanism: Literal["topk"] = "topk"
    k: PositiveInt = Field(description="Units that stay active.")


class BatchTopKLimit(Part):
    """A hard limit on the active units of a batch; a fixed threshold outside training."""

    mechanism: Literal["batch_topk"] = "batch_topk"
    k: PositiveInt = Field(description="Units that stay active, per row on average.")


class Lifetime(Part):
    """A hard limit on the rows of a batch that each unit is active for."""

    mechanism: Literal["lifetime"] = "lifetime"
    proportion: Share = Field(0.1, description="The share of a batch's rows that each unit keeps.")


class JumpReLUPenalty(Part):
    """A learned threshold for each unit, with a penalty on the number of active units."""

    mechanism: Literal["jumprelu"] = "jumprelu"
    weight: PositiveFloat = Field(1e-3, description="Times the number of active units of a row.")
    bandwidth: PositiveFloat = Field(0.1, description="Width of the gradient estimator's kernel.")
    initial_threshold: PositiveFloat = Field(0.1, description="Where every threshold starts.")


Sparsity = Annotated[
    NoSparsity | L1 | KL | TopKLimit | BatchTopKLimit | Lifetime | JumpReLUPenalty,
    Field(discriminator="mechanism"),
]
