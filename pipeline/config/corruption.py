"""What may be done to rows in training, so that the code must capture what columns share.

Layers are imported where they are made, for a config is read without Keras.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, PositiveFloat
from typing_extensions import override

from pipeline.config.part import Part, Share, rule

if TYPE_CHECKING:
    from layers.corruption import Corruption as CorruptionLayer


class CorruptionPart(Part, ABC):
    """What every corruption has."""

    @abstractmethod
    def layer(self, seed: int, columns: Sequence[int] = ()) -> "CorruptionLayer | None":
        """The layer that corrupts rows while training, its noise from the seed.

        `columns` says of each feature which column it is of; where it is empty each is one.
        """

    def as_it_comes(self, seed: int, columns: Sequence[int] = ()) -> "CorruptionLayer | None":
        """The same as rows come with it from the world, where it is not made for training."""
        return self.layer(seed, columns)


class Replacing(CorruptionPart):
    """A share of the values is lost."""

    share: Share
    up_to: Share | None = Field(
        None, description="With it each row has a share of its own, between the two."
    )

    @rule
    def _a_range_goes_up(self) -> Iterator[str]:
        if self.known("share", "up_to") and self.up_to is not None and self.up_to <= self.share:
            yield f"up_to must be greater than share. Given: {self.up_to} and {self.share}."


class NoCorruption(CorruptionPart):
    """Clean rows in training too."""

    kind: Literal["none"] = "none"

    @override
    def layer(self, seed: int, columns: Sequence[int] = ()) -> None:
        return None


class MaskingNoise(Replacing):
    """Values set to zero."""

    kind: Literal["masking"] = "masking"
    share: Share = Field(0.3, description="The probability of each value.")

    @override
    def layer(self, seed: int, columns: Sequence[int] = ()) -> "CorruptionLayer":
        from layers.corruption import Masking

        return Masking(self.share, seed, self.up_to)

    @override
    def as_it_comes(self, seed: int, columns: Sequence[int] = ()) -> "CorruptionLayer":
        from layers.corruption import Masking

        return Masking(self.share, seed, self.up_to, grow=False)


class GaussianNoise(CorruptionPart):
    """Gaussian noise added."""

    kind: Literal["gaussian"] = "gaussian"
    stddev: PositiveFloat = Field(0.3, description="Standard deviation, in units of scaled rows.")
    up_to: PositiveFloat | None = Field(
        None, description="With it each row has a deviation of its own, between the two."
    )

    @rule
    def _a_range_goes_up(self) -> Iterator[str]:
        if self.known("stddev", "up_to") and self.up_to is not None and self.up_to <= self.stddev:
            yield f"up_to must be greater than stddev. Given: {self.up_to} and {self.stddev}."

    @override
    def layer(self, seed: int, columns: Sequence[int] = ()) -> "CorruptionLayer":
        from layers.corruption import GaussianCorruption

        return GaussianCorruption(self.stddev, seed, self.up_to)


class SaltAndPepperNoise(Replacing):
    """Values replaced by their column's least or greatest."""

    kind: Literal["salt_and_pepper"] = "salt_and_pepper"
    share: Share = Field(0.2, description="The probability of each value.")

    @override
    def layer(self, seed: int, columns: Sequence[int] = ()) -> "CorruptionLayer":
        from layers.corruption import SaltAndPepper

        return SaltAndPepper(self.share, seed, self.up_to)


class SwapNoise(Replacing):
    """Values replaced by those of other rows: all features of a column at once."""

    kind: Literal["swap"] = "swap"
    share: Share = Field(0.2, description="The probability of each column's value.")

    @override
    def layer(self, seed: int, columns: Sequence[int] = ()) -> "CorruptionLayer":
        from layers.corruption import Swap

        return Swap(self.share, columns, seed, self.up_to)


Corruption = Annotated[
    NoCorruption | MaskingNoise | GaussianNoise | SaltAndPepperNoise | SwapNoise,
    Field(discriminator="kind"),
]
