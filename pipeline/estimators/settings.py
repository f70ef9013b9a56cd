"""The config that an estimator's parameters stand for: that of the command for the same rows."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.config.loading import merged

Levels = Sequence[int | Mapping[str, Any]]
"""Of each level of a stack its units, or its section of the config."""
ARRAYS, TABLE = "X.npz", "X.parquet"
"""What rows are called in a config: an array, and a DataFrame."""
TARGET, WEIGHT = "target", "sample_weight"
"""What the column of a table is called that holds the labels, and the weights, of its rows."""


def config_tree(
    task: str,
    seed: int,
    stack: Levels | None,
    data: Mapping[str, Any],
    finetune: Mapping[str, Any] | None,
    preset: str | None,
) -> dict[str, Any]:
    """The tree of a run on these rows, of plain values, as YAML has it.

    Raises `InputError` for an unknown preset.
    """
    given: dict[str, Any] = {
        "seed": seed,
        "data": data,
        "task": {"kind": task},
    }
    if stack is not None:
        given["stack"] = _levels(stack)
    if finetune is not None:
        given["finetune"] = finetune
    return json.loads(json.dumps(merged(preset, given), default=plain))


def _levels(stack: Any) -> Any:
    """Units stand for a level of so many; what is no list of levels is for the config to refuse."""
    if not isinstance(stack, list | tuple | np.ndarray):
        return stack
    return [level if isinstance(level, Mapping) else {"units": level} for level in stack]


def plain(value: Any) -> Any:
    """What NumPy makes of numbers, as Python has them; `TypeError` for all else."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"A config holds text, numbers, lists and sections. Given: {value!r}.")
