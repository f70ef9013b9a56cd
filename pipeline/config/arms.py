"""The arms of the comparison: one line for each."""

from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, WithJsonSchema

from pipeline.errors import nearest


class Arm(NamedTuple):
    """What distinguishes an arm: all else is the same in each, the label subset included."""

    name: str
    weights: Literal["stack", "random"]
    """Where the encoder's first weights come from: a pretrained stack, or a draw of their own."""
    trains: Literal["network", "head"]
    """What is trained: everything, or the head alone on codes that stay as they are."""
    matched: bool
    """Whether it trains for as many multiplications more as pretraining took."""
    color: str
    """How it is drawn, a name of matplotlib's."""
    meaning: str
    """Ends the sentence that begins with its name."""
    levels: int | None = None
    """How many levels of the stack it has, from the rows upward; None: all."""


CANDIDATE = "pretrained"
CONTROL = "random"
"""The arm that a verdict compares with: the same network from random weights."""
ARMS = {
    arm.name: arm
    for arm in (
        Arm(CANDIDATE, "stack", "network", False, "tab:blue", "starts from the stack"),
        Arm(CONTROL, "random", "network", False, "tab:orange", "starts from new weights"),
        Arm("frozen", "stack", "head", False, "tab:green",
            "trains the head alone on the stack's codes (linear probe)"),
        Arm("untrained_codes", "random", "head", False, "tab:red",
            "does so on codes of new weights"),
        Arm("compute_matched", "random", "network", True, "tab:purple",
            "is `random` with as many multiplications more as pretraining took"),
        Arm("one_level", "stack", "network", False, "tab:brown",
            "is `pretrained` with the first level alone", levels=1),
    )
}  # fmt: skip


def is_another(arm: Arm, levels: int) -> str | None:
    """Which arm it is the same as, on a stack of so many levels, if it is."""
    return CANDIDATE if arm.levels == levels else None


def _known(name: str) -> str:
    if name not in ARMS:
        raise ValueError(f"there is no arm {name!r}.{nearest(name, ARMS)}".removesuffix("."))
    return name


ArmName = Annotated[
    str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": list(ARMS)})
]
