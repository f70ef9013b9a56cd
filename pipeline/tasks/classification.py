"""One class of several."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.errors import InputError
from pipeline.tasks.class_metrics import METRICS
from pipeline.tasks.decision import Decision
from pipeline.tasks.labels import Labels
from pipeline.tasks.metric import Choice
from pipeline.tasks.task import Coding, Reference, Task

C = [0.01, 0.1, 1, 10]
KERNEL_C = [0.3, 1, 3, 10, 30]
"""The inverse strength of regularization that linear models and kernel machines try."""
PERCEPTRONS: dict[str, list[Any]] = {
    "hidden_layer_sizes": [(100,), (512, 256)],
    "alpha": [1e-4, 1e-1],
}
BOOSTED: dict[str, list[Any]] = {
    # With scikit-learn's 20 rows in a leaf, a tree of 50 labels is a stump.
    "min_samples_leaf": [2, 5, 20],
    "learning_rate": [0.03, 0.1],
}
TREES = 200
LEAVES: dict[str, list[Any]] = {"min_samples_leaf": [1, 5]}
"""What forests try."""


RARE = 0.25
"""Of an equal share: classes below are rare."""


class Classification(Task):
    """Targets are class names, "" where there is none; numbers are their positions, -1 for none."""

    metrics = METRICS
    drawing = "Labels are drawn with the class shares of all training rows."
    counts_correct_rows = True

    def target(self, labels: Labels) -> np.ndarray:
        """Unicode (rows,)."""
        if labels.names.ndim != 1:
            raise InputError(
                f"A row has one label. {labels.where} has labels of shape {labels.names.shape}. "
                "Give an array of shape (rows,): of one-hot labels take argmax(axis=1). If several "
                "labels may apply to a row, set task.kind: multilabel."
            )
        return labels.names

    def labelled(self, target: np.ndarray) -> np.ndarray:
        return target != ""

    def check(self, target: np.ndarray, columns: Sequence[str], where: str) -> None:
        classes = np.unique(target)
        if len(classes) == 1:
            raise InputError(
                f"There must be two classes at least. All labelled training rows of {where} have "
                f"{str(classes[0])!r}. Give rows of another, or correct data.label."
            )

    def unseen(self, target: np.ndarray, test: np.ndarray) -> list[str]:
        return np.setdiff1d(test, target).tolist()

    def without(self, target: np.ndarray, classes: np.ndarray) -> np.ndarray:
        return np.where(np.isin(target, classes), "", target)

    def strata(self, target: np.ndarray) -> np.ndarray:
        return target

    def numbers(
        self, target: np.ndarray, columns: Sequence[str]
    ) -> tuple[tuple[str, ...], np.ndarray]:
        classes = sorted({str(name) for name in target if name}, key=_natural)
        position = {name: number for number, name in enumerate(classes)}
        return tuple(classes), np.array([position.get(str(name), -1) for name in target], "int32")

    def describe(self, target: np.ndarray, columns: Sequence[str]) -> dict[str, Any]:
        names, counts = np.unique(target[self.labelled(target)], return_counts=True)
        classes = dict(zip(names.tolist(), counts.tolist(), strict=True))
        return {"classes": classes, "target_range": None}

    def target_text(self, names: Sequence[str]) -> str:
        return f"{len(names)} classes"

    def spec(self, outputs: int) -> Any:
        import tensorflow as tf

        return tf.TensorSpec((None,), tf.int32)

    def losses(self, targets: Any, outputs: Any) -> Any:
        import keras

        return keras.losses.sparse_categorical_crossentropy(targets, outputs, from_logits=True)

    def class_weights(self, numbers: np.ndarray, outputs: int) -> np.ndarray:
        """float32 (classes,), as scikit-learn's `balanced`; their mean over rows is 1."""
        counts = np.bincount(numbers, minlength=outputs)
        there = counts > 0
        weights = np.zeros(outputs, "float32")
        weights[there] = len(numbers) / (there.sum() * counts[there])
        return weights

    def weighted_losses(self, targets: Any, outputs: Any, weights: Any) -> Any:
        import tensorflow as tf

        return self.losses(targets, outputs) * tf.gather(weights, targets)

    def predictions(self, outputs: np.ndarray) -> np.ndarray:
        return outputs.argmax(axis=1)

    def as_targets(self, outputs: Any) -> Any:
        import tensorflow as tf

        return tf.argmax(outputs, axis=1, output_type=tf.int32)

    def probabilities(self, outputs: np.ndarray) -> np.ndarray | None:
        from scipy.special import softmax

        return softmax(outputs.astype("float64"), axis=1)

    def decided(self, probabilities: np.ndarray, thresholds: tuple[float, ...]) -> np.ndarray:
        """Of two classes the second from the threshold on."""
        return (probabilities[:, 1] >= thresholds[0]).astype("int32")

    def choose_metric(self, target: np.ndarray) -> Choice:
        """Accuracy, unless a class is so rare that always guessing another one would do well."""
        _, counts = np.unique(target, return_counts=True)
        if counts.min() >= RARE * len(target) / len(counts):
            return super().choose_metric(target)
        name = "auroc" if len(counts) == 2 else "balanced_accuracy"
        return Choice(
            name,
            f"The rarest class has {counts.min():,} of {len(target):,} training labels, less than "
            f"a quarter of an equal share: models are compared by {self.metric(name).heading}, "
            "unless finetune.metric says otherwise.",
        )

    def confusion(
        self, numbers: np.ndarray, predictions: np.ndarray, names: Sequence[str]
    ) -> np.ndarray | None:
        counts = np.zeros((len(names), len(names)), int)
        np.add.at(counts, (numbers, predictions), 1)
        return counts

    def references(self, seed: int, labels: int) -> Mapping[str, Reference]:
        from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
        from sklearn.linear_model import LogisticRegression
        from sklearn.neighbors import KNeighborsClassifier
        from sklearn.neural_network import MLPClassifier
        from sklearn.svm import SVC

        boosting = HistGradientBoostingClassifier(random_state=seed)
        forest = RandomForestClassifier(TREES, random_state=seed)
        return {
            "logistic": Reference(LogisticRegression(max_iter=500), {"C": C}),
            "svm_rbf": Reference(SVC(), {"C": KERNEL_C}),
            "mlp": Reference(MLPClassifier(max_iter=100, random_state=seed), PERCEPTRONS),
            "boosting": Reference(boosting, BOOSTED),
            "forest": Reference(forest, LEAVES),
            "neighbours": Reference(KNeighborsClassifier(), neighbours(labels)),
        }

    def serve(
        self, outputs: Any, names: Sequence[str], coding: Coding, decision: Decision
    ) -> dict[str, Any]:
        """Class probabilities (rows, classes) and by name the class that they speak for."""
        import tensorflow as tf

        probabilities = tf.nn.softmax(outputs / decision.temperature)
        if decision.thresholds:
            number = tf.cast(probabilities[:, 1] >= decision.thresholds[0], tf.int64)
        else:
            number = tf.argmax(outputs, axis=1)
        return {
            "probabilities": probabilities,
            "label": tf.gather(tf.constant(list(names)), number),
        }

    def output_columns(self, names: Sequence[str], columns: Sequence[str]) -> dict[str, list[str]]:
        return {
            "label": ["label"],
            "probabilities": [f"probability of {name}" for name in names],
        }


def neighbours(labels: int) -> dict[str, list[Any]]:
    """What a model of the nearest neighbours tries, of which there are no more than labels."""
    numbers = [number for number in (1, 3, 5, 10, 20, 50) if number <= labels]
    return {"n_neighbors": numbers, "weights": ["uniform", "distance"]}


def _natural(name: str) -> tuple[bool, float, str]:
    """Sorts numbers by value and before other names."""
    try:
        return (False, float(name), name)
    except ValueError:
        return (True, 0.0, name)
