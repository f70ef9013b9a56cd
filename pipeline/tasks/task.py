"""The contract of a task: all that depends on what the stack is for."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np

from pipeline.config.task import Decided
from pipeline.errors import InputError
from pipeline.tasks.decision import AS_GIVEN, Decision
from pipeline.tasks.labels import Labels
from pipeline.tasks.metric import Choice, Metric, Predicted

if TYPE_CHECKING:
    import tensorflow as tf
    from sklearn.base import BaseEstimator


class Coding(NamedTuple):
    """How a trial trains on its targets: (target - offset) / scale, in float64."""

    offset: float = 0.0
    scale: float = 1.0

    def encode(self, targets: np.ndarray) -> np.ndarray:
        """What training gets for targets (rows, ...)."""
        return targets if self == Coding() else (targets - self.offset) / self.scale

    def decode(self, predictions: np.ndarray) -> np.ndarray:
        """The predictions (rows, ...) that training's values stand for."""
        if self == Coding():
            return predictions
        return predictions.astype("float64") * self.scale + self.offset


class Reference(NamedTuple):
    """A model of scikit-learn's and the settings that are tried."""

    model: "BaseEstimator"
    grid: dict[str, list[Any]]

    def inside(self, step: str) -> dict[str, list[Any]]:
        """The grid of the model as a step of a pipeline."""
        return {f"{step}__{name}": values for name, values in self.grid.items()}


class Task(ABC):
    """What a task decides. Targets are those of a source, numbers what training is given."""

    metrics: ClassVar[tuple[Metric, ...]]
    """What models are scored by, the usual one first."""
    counts_correct_rows: ClassVar[bool] = False
    """Whether a row is predicted correctly where prediction and truth are equal."""
    pseudo_labels: ClassVar[bool] = True
    """Whether the network's own predictions can serve as targets of unlabelled rows."""
    gives: ClassVar[Literal["prediction", "rows", "code"]] = "prediction"
    """What the network's outputs are: something about each row, the row as it should be (scaled),
    or its code."""
    has_classes: ClassVar[bool] = True
    """Whether there are classes or labels, which can be rare."""
    scaling: ClassVar[str | None] = None
    """What `data.scaling: auto` is for rows that are no images; None: as for all tasks."""

    drawing: ClassVar[str] = ""
    """How labels are drawn for a budget, a sentence for people, where it is not at random."""
    training: ClassVar[str] = "Fine-tuning"
    """What arms go through, for people."""

    def __init__(self, section: Decided):
        self.section = section
        """Its part of the config."""

    @property
    def kind(self) -> str:
        """How the config calls it."""
        return self.section.kind

    @property
    def needs_labels(self) -> bool:
        """Whether nothing can be done without a target."""
        return self.section.needs_labels

    # From labels to numbers

    @abstractmethod
    def target(self, labels: Labels) -> np.ndarray:
        """The target of all rows, missing where a row has no label.

        Raises `InputError` for labels that are none of this task's.
        """

    def without_labels(self, rows: int) -> np.ndarray:
        """The target of rows of which none has a label."""
        raise TypeError(f"{self.kind} needs labels")

    @abstractmethod
    def labelled(self, target: np.ndarray) -> np.ndarray:
        """Which rows have a label, bool (rows,)."""

    def pretrains(self, target: np.ndarray) -> np.ndarray:
        """Which rows levels may be pretrained on, bool (rows,); by default all."""
        return np.ones(len(target), bool)

    def learns_from(self, target: np.ndarray, free: np.ndarray, lots: np.ndarray) -> np.ndarray:
        """Which rows of those that are `free` (rows,) may show their label, bool (rows,).

        `lots`, from 0 to 1 (rows,), are each row's own, whatever other rows there are. By default
        all that levels may be pretrained on.
        """
        return free & self.pretrains(target)

    @abstractmethod
    def check(self, target: np.ndarray, columns: Sequence[str], where: str) -> None:
        """Raise `InputError` for labelled training rows that nothing can be learned from."""

    def unseen(self, target: np.ndarray, test: np.ndarray) -> list[str]:
        """Which classes test rows have and training rows have not."""
        return []

    def without(self, target: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """The target, its rows of these classes without a label."""
        raise TypeError(f"{self.kind} has no classes to be drawn by")

    def strata(self, target: np.ndarray) -> np.ndarray:
        """What rows are drawn by (rows,), each value in its share; by default at random."""
        return np.zeros(len(target), int)

    @abstractmethod
    def numbers(
        self, target: np.ndarray, columns: Sequence[str]
    ) -> tuple[tuple[str, ...], np.ndarray]:
        """The names of classes or labels, if there are any, and the target as numbers."""

    @abstractmethod
    def describe(self, target: np.ndarray, columns: Sequence[str]) -> dict[str, Any]:
        """`classes` with their counts, or `target_range`, of a source's target."""

    @abstractmethod
    def target_text(self, names: Sequence[str]) -> str:
        """What is predicted, for people, given the names of classes or labels: "3 classes"."""

    # Training and scoring

    @abstractmethod
    def spec(self, outputs: int) -> "tf.TensorSpec":
        """Shape and type of a batch of coded targets."""

    def coding(self, numbers: np.ndarray) -> Coding:
        """How a trial trains on the targets of its label budget, which are all that it knows."""
        return Coding()

    @abstractmethod
    def losses(self, targets: Any, outputs: Any) -> Any:
        """The loss of each row (rows,), from coded targets and outputs (rows, outputs)."""

    def class_weights(self, numbers: np.ndarray, outputs: int) -> np.ndarray:
        """Weights by which each class, or each value of a label, counts alike among these rows.

        Of a class or value that no row has the weight is 0.
        """
        raise TypeError(f"{self.kind} has no classes")

    def weighted_losses(self, targets: Any, outputs: Any, weights: Any) -> Any:
        """The losses, with `class_weights` as a tensor."""
        raise TypeError(f"{self.kind} has no classes")

    @abstractmethod
    def predictions(self, outputs: np.ndarray) -> np.ndarray:
        """What outputs (rows, outputs) stand for, as coded numbers."""

    def as_targets(self, outputs: Any) -> Any:
        """What the network itself takes rows for, as targets without a gradient."""
        raise TypeError(f"{self.kind} has no pseudo-labels")

    def probabilities(self, outputs: np.ndarray) -> np.ndarray | None:
        """Of each class or label, float64 (rows, outputs); None where a number is predicted."""
        return None

    def decided(self, probabilities: np.ndarray, thresholds: tuple[float, ...]) -> np.ndarray:
        """The classes or labels that these thresholds take, as numbers."""
        raise TypeError(f"{self.kind} has no classes")

    def predicted(
        self, outputs: np.ndarray, coding: Coding, decision: Decision = AS_GIVEN
    ) -> Predicted:
        """What outputs (rows, outputs) say of rows."""
        probabilities = self.probabilities(outputs / decision.temperature)
        if probabilities is not None and decision.thresholds:
            return Predicted(self.decided(probabilities, decision.thresholds), probabilities)
        return Predicted(coding.decode(self.predictions(outputs)), probabilities)

    def metric(self, name: str) -> Metric:
        """The metric of that name. Raises `InputError` where the task has none."""
        found = {metric.name: metric for metric in self.metrics}
        if name not in found:
            raise InputError(
                f"finetune.metric must be one of the task {self.kind}: {', '.join(found)}. "
                f"Given: {name}."
            )
        return found[name]

    def choose_metric(self, target: np.ndarray) -> Choice:
        """What models are compared by where nobody says, given the targets to train on."""
        return Choice(self.metrics[0].name)

    def scores(self, numbers: np.ndarray, predicted: Predicted) -> dict[str, float]:
        """Every metric of what is predicted beside what is true, both decoded."""
        return {metric.name: metric.score(numbers, predicted) for metric in self.metrics}

    def confusion(
        self, numbers: np.ndarray, predictions: np.ndarray, names: Sequence[str]
    ) -> np.ndarray | None:
        """Counts by true class (rows) and predicted class (columns), where there are classes."""
        return None

    @abstractmethod
    def references(self, seed: int, labels: int) -> Mapping[str, Reference]:
        """Models that people would use instead, each with its grid for so many labels."""

    # Export

    @abstractmethod
    def serve(
        self, outputs: Any, names: Sequence[str], coding: Coding, decision: Decision
    ) -> "dict[str, tf.Tensor]":
        """The outputs of the exported signature `serve`, by name."""

    @abstractmethod
    def output_columns(self, names: Sequence[str], columns: Sequence[str]) -> dict[str, list[str]]:
        """What the columns of these outputs are called.

        `names` are those of classes or labels, `columns` those of the rows.
        """
