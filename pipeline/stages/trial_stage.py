"""What the stages have in common that do one trial: of an arm, or of a reference model."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.stages.base import Stage
from pipeline.stages.context import Context
from pipeline.stages.trial import Trial

if TYPE_CHECKING:
    from layers import SparseAutoencoder


@dataclass(frozen=True)
class TrialStage(Stage):
    """Does one trial; its first input is the data."""

    kind = "finetune"

    @property
    @abstractmethod
    def trial(self) -> Trial:
        """Which one it is."""

    @property
    def name(self) -> str:
        return self.trial.name

    @property
    def tags(self) -> Mapping[str, Any]:
        return self.trial.model_dump()

    @property
    def params(self) -> Mapping[str, Any]:
        return self.trial.model_dump()

    def last_step(self, metrics: Mapping[str, float]) -> int:
        """The label budget: MLflow's chart, grouped by arm, is the comparison."""
        return self.trial.labels


@dataclass(frozen=True)
class ArmStage(TrialStage):
    """Trains an arm; after the data its inputs are the levels of its stack, if it has one."""

    packages = ("tensorflow", "keras", "scikit-learn")
    stack: int | None
    """From 0; None where the arm starts from no stack."""

    @property
    def tags(self) -> Mapping[str, Any]:
        return super().tags if self.stack is None else {**super().tags, "stack": self.stack}

    def pretrained(self, context: Context) -> "list[SparseAutoencoder]":
        """The levels that the arm's first weights come from."""
        from pipeline.stages.codes import stored_autoencoder

        _, *levels = self.inputs
        return [stored_autoencoder(context, level) for level in levels]
