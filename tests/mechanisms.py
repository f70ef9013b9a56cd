"""Every sparsity mechanism that a config may name, and a level that may have it, for the tests.

Both are found from the config's union, so that a new mechanism is tested without a word here.
"""

from typing import get_args

from pipeline.config.level import LevelTraining
from pipeline.config.sparsity import Mechanism, Sparsity

ACTIVATIONS = get_args(LevelTraining.model_fields["activation"].annotation)


def mechanisms(number: int) -> dict[str, Mechanism]:
    """By name; `number` is the value of each setting that has no default."""
    union, _ = get_args(Sparsity)
    return {
        kind.model_fields["mechanism"].default: kind(
            **{name: number for name, field in kind.model_fields.items() if field.is_required()}
        )
        for kind in get_args(union)
    }


def activation_for(mechanism: Mechanism, units: int) -> str:
    """The first activation that the mechanism works with."""
    return next(
        activation
        for activation in ACTIVATIONS
        if not mechanism.problems(LevelTraining.model_construct(units=units, activation=activation))
    )
