"""What may be done to rows in training, so that the code must capture what columns share."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat

from pipeline.config.part import Part, Share


class NoCorruption(Part):
    """Clean rows in training too."""

    kind: Literal["none"] = "none"


class MaskingNoise(Part):
    """Values set to zero."""

    kind: Literal["masking"] = "masking"
    share: Share = Field(0.3, description="The probability of each value.")


class GaussianNoise(Part):
    """Gaussian noise added."""

    kind: Literal["gaussian"] = "gaussian"
    stddev: PositiveFloat = Field(0.3, description="Standard deviation, in units of scaled rows.")


class SaltAndPepperNoise(Part):
    """Values replaced by their column's least or greatest."""

    kind: Literal["salt_and_pepper"] = "salt_and_pepper"
    share: Share = Field(0.2, description="The probability of each value.")


Corruption = Annotated[
    NoCorruption | MaskingNoise | GaussianNoise | SaltAndPepperNoise, Field(discriminator="kind")
]
