"""Which codes an exported model gives: of each level, and in few dimensions."""

from collections.abc import Mapping
from typing import Any

from pipeline.errors import InputError
from pipeline.export.trained import level_endpoint


def check_level(described: Mapping[str, Any], level: int, dims: int | None) -> str:
    """The endpoint that gives a level's code, by what the model says of itself.

    Raises `InputError` where there is no such level, or only some of its units are wanted.
    """
    endpoints = described["endpoints"]
    if (found := level_endpoint(level)) not in endpoints:
        levels = sum(level_endpoint(number) in endpoints for number in range(1, len(endpoints)))
        raise InputError(
            f"--level must be 1 to {levels}, as many as the model has. Given: {level}."
        )
    if dims is not None:
        raise InputError(
            "--dims is of the code of the whole stack, whose first units say most. Given with "
            f"--level {level}. Leave one of them out."
        )
    return found


def check_dims(described: Mapping[str, Any], dims: int) -> None:
    """Raise `InputError` where the first so many units of the code are no code of their own."""
    if not described["nested"]:
        raise InputError(
            "--dims needs a model whose first dimensions say most: train one with --task embed and "
            f"task.prefixes. Given: a model of the task {described['task']} without them."
        )
    most = len(described["outputs"]["code"])
    if dims > most:
        raise InputError(f"--dims must be 1 to {most}, as many as the model has. Given: {dims}.")
