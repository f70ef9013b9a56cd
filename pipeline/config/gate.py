"""What a new model must be to take the place of the one in service."""

from typing import Literal

from pydantic import Field, PositiveFloat

from pipeline.config.part import Part

CHAMPION, PREVIOUS = "champion", "previous"
"""The aliases that the gate moves: the model in service, and the one before it."""


class GateConfig(Part):
    """What a new model must be to become the champion, the model in service."""

    margin: PositiveFloat = Field(
        0.01,
        description="How much worse than the champion a model may be, by the metric that is "
        "compared: 0.01 is one point of accuracy. For `mae` and `rmse` it is a share of the "
        "champion's error. It passes where the 95 % interval of the difference, on rows that were "
        "test rows for both, is above minus the margin.",
    )
    cannot_compare: Literal["refuse", "promote"] = Field(
        "refuse",
        description="What to do where those rows do not tell: they are too few, or none, or the "
        "two models predict other things.",
    )
    verdicts: tuple[Literal["helps", "no evidence", "hurts", "incomplete"], ...] = Field(
        (),
        description="Verdicts on pretraining, at the label budget of the exported network, with "
        "which a model may pass. Without any it may with each.",
    )
    latency_ms: PositiveFloat | None = Field(
        None,
        description="Milliseconds that the exported model may take for one row, in a Python "
        "process on the machine that runs the gate.",
    )
    size_mb: PositiveFloat | None = Field(
        None, description="Megabytes (a million bytes) that the exported folder may have."
    )
