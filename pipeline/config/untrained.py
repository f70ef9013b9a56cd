"""Which settings of a level a network with untrained weights depends on."""

from collections.abc import Sequence
from typing import Any

from pipeline.config.level import LevelConfig


def untrained_settings(stack: Sequence[LevelConfig]) -> list[dict[str, Any]]:
    """The settings that a network with untrained weights depends on; how to pretrain is not."""
    weights = {"units", "activation", "tied", "unit_norm_decoder", "passes_on"}
    return [
        level.model_dump(
            mode="json", include=weights | ({"sparsity"} if level.passes_on == "code" else set())
        )
        for level in stack
    ]
