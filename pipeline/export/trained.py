"""All that an exported model is made of."""

from collections.abc import Sequence
from typing import NamedTuple

import keras

from layers import SparseAutoencoder
from pipeline.config.task import EmbedTask
from pipeline.config.untrained import UntrainedLevel
from pipeline.data.features.preprocessing import Preprocessing
from pipeline.data.source import Layout
from pipeline.export.signatures.inputs import by_name
from pipeline.tasks.decision import AS_GIVEN, Decision
from pipeline.tasks.task import Coding, Task

ENDPOINTS = ("serve", "encode", "reconstruct", "score")
"""What every model serves, beside the code of each level."""


def level_endpoint(level: int) -> str:
    """The signature that gives the code of a level, from 1."""
    return f"encode_level_{level}"


def level_output(level: int) -> str:
    """What it calls the code."""
    return f"level_{level}"


class Trained(NamedTuple):
    """All that an exported model is made of."""

    name: str
    preprocessing: Preprocessing
    stack: Sequence[UntrainedLevel]
    autoencoders: Sequence[SparseAutoencoder]
    """The pretrained levels: `encode`, `reconstruct` and `score` come from them, unless no label
    was needed: then the levels trained together are part of the network, and all comes from it."""
    network: keras.Model
    """The fine-tuned network: `serve` comes from it."""
    task: Task
    classes: tuple[str, ...]
    """Names of the classes or of the labels; empty for a number."""
    coding: Coding
    """How the network's outputs stand for a number."""
    decision: Decision = AS_GIVEN
    """How they become probabilities, and classes or labels."""
    layout: Layout | None = None
    """Of the table that it learned from."""

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The signatures of the exported model."""
        return (*ENDPOINTS, *map(level_endpoint, range(1, len(self.stack) + 1)))

    @property
    def code_units(self) -> int:
        """The width of what `encode` gives."""
        if self.task.needs_labels:
            return self.autoencoders[-1].units
        return int(self.network.encoder.output_shape[-1])

    @property
    def nested(self) -> bool:
        """Whether the first so many units of a code are trained to be a code by themselves."""
        section = self.task.section
        if not isinstance(section, EmbedTask):
            return False
        return any(units < self.code_units for units in section.prefixes)

    @property
    def by_name(self) -> bool:
        """Whether the exported model takes columns by name."""
        return by_name(self.preprocessing.columns, self.layout is not None)

    @property
    def missing_values(self) -> tuple[str, ...]:
        """Cells that mean a missing value, besides empty ones."""
        return self.layout.missing_values if self.layout else ()
