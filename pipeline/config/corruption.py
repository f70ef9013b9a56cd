"""What may be done to rows in training, so that the code must capture what columns share.

Layers are imported where they are made, for a config is read without Keras.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, PositiveFloat
from typing_extensions import override

from pipeline.config.part import Part, Share

if TYPE_CHECKING:
    from layers.corruption import Corruption as CorruptionLayer


class CorruptionPart(Part, ABC):
    """What every corruption has."""

    @abstractmethod
    def layer(self, seed: int, columns: Sequence[int] = ()) -> "CorruptionLayer | None":
        """The layer that corrupts rows while training, its noise from the seed.

        `columns` says of each feature which column it is of; where it is empty each is one.
        """


class NoCorruption(CorruptionPart):
    """Clean rows in training too."""

    kind: Literal["none"] = "none"

    @override
    def layer(self, seed: int, columns: Sequence[int] = ()) -> None:
        return None


class MaskingNoise(CorruptionPart):
    """Values set to zero."""

    kind: Literal["masking"] = "masking"
    share: Share = Field(0.3, description="The probability of each value.")

    @override
    def layer(self, seed: int, columns: Sequence[int] = ()) -> "CorruptionLayer":
        from layers.corruption import Masking

        return Masking(self.share, seed)


class GaussianNoise(CorruptionPart):
    """Gaussian noise added."""

    kind: Literal["gaussian"] = "gaussian"
    stddev: PositiveFloat = Field(0.3, description="Standard deviation, in units of scaled rows.")

    @override
    def layer(self, seed: int, columns: Sequence[int] = ()) -> "CorruptionLayer":
        from layers.corruption import GaussianCorruption

        return GaussianCorruption(self.stddev, seed)


class SaltAndPepperNoise(CorruptionPart):
    """Values replaced by their column's least or greatest."""

    kind: Literal["salt_and_pepper"] = "salt_and_pepper"
    share: Share = Field(0.2, description="The probability of each value.")

    @override
    def layer(self, seed: int, columns: Sequence[int] = ()) -> "CorruptionLayer":
        from layers.corruption import SaltAndPepper

        return SaltAndPepper(self.share, seed)


class SwapNoise(CorruptionPart):
    """Values replaced by those of other rows: all features of a column at once."""

    kind: Literal["swap"] = "swap"
    share: Share = Field(0.2, description="The probability of each column's value.")

    @override
    def layer(self, seed: int, columns: Sequence[int] = ()) -> "CorruptionLayer":
        from layers.corruption import Swap

        return Swap(self.share, columns, seed)


Corruption = Annotated[
    NoCorruption | MaskingNoise | GaussianNoise | SaltAndPepperNoise | SwapNoise,
    Field(discriminator="kind"),
]
