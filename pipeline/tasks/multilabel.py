"""Several labels, each of which applies to a row or not."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.errors import InputError
from pipeline.tasks.classification import (
    BOOSTED,
    KERNEL_C,
    LEAVES,
    PERCEPTRONS,
    TREES,
    C,
    neighbours,
)
from pipeline.tasks.decision import Decision
from pipeline.tasks.label_metrics import METRICS
from pipeline.tasks.labels import Labels
from pipeline.tasks.task import Coding, Reference, Task

APPLIES = {"1": 1.0, "0": 0.0, "true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}


class Multilabel(Task):
    """Targets are 0 and 1 (rows, labels), NaN in rows without labels; numbers are the same."""

    metrics = METRICS

    def target(self, labels: Labels) -> np.ndarray:
        """float64 (rows, labels); a row with an empty label has none and is NaN."""
        names = np.char.lower(labels.names)
        if names.ndim != 2:
            raise InputError(
                f"A multi-label target is an array (rows, labels), here ({len(names)}, labels). "
                f"{labels.where} has shape {labels.values.shape}. Give one column of 0 and 1 for "
                "each label, or set task.kind: classification."
            )
        known = np.isin(names, [*APPLIES, ""])
        if not known.all():
            row, column = np.argwhere(~known)[0]
            raise InputError(
                "A label must be 0 or 1 (or true, false, yes, no; empty where it is not known). "
                f"{labels.where} has {str(names[row, column])!r} in row {row + 1}, label "
                f"{column + 1}. Correct it, or name it in data.unlabelled."
            )
        target = np.full(names.shape, np.nan)
        for name, value in APPLIES.items():
            target[names == name] = value
        target[np.isnan(target).any(axis=1)] = np.nan
        return target

    def labelled(self, target: np.ndarray) -> np.ndarray:
        return ~np.isnan(target).any(axis=1)

    def check(self, target: np.ndarray, columns: Sequence[str], where: str) -> None:
        alike = [
            f"{name!r} applies to {'all' if column[0] else 'none'} of the {len(target)} of {where}"
            for name, column in zip(columns, target.T, strict=True)
            if column.min() == column.max()
        ]
        if alike:
            raise InputError(
                "A label must apply to some training rows and not to others. "
                f"{'; '.join(alike)}. Give more rows, or leave such labels out."
            )

    def numbers(
        self, target: np.ndarray, columns: Sequence[str]
    ) -> tuple[tuple[str, ...], np.ndarray]:
        return tuple(columns), target.astype("float32")

    def describe(self, target: np.ndarray, columns: Sequence[str]) -> dict[str, Any]:
        applies = target[self.labelled(target)].sum(axis=0).astype(int)
        return {
            "classes": dict(zip(columns, applies.tolist(), strict=True)),
            "target_range": None,
        }

    def target_text(self, names: Sequence[str]) -> str:
        return f"{len(names)} labels"

    def spec(self, outputs: int) -> Any:
        import tensorflow as tf

        return tf.TensorSpec((None, outputs), tf.float32)

    def losses(self, targets: Any, outputs: Any) -> Any:
        import keras

        return keras.losses.binary_crossentropy(targets, outputs, from_logits=True)

    def class_weights(self, numbers: np.ndarray, outputs: int) -> np.ndarray:
        """float32 (2, labels): of where a label does not apply, and of where it does."""
        counts = np.stack([(numbers == value).sum(axis=0) for value in (0, 1)])
        seen = np.maximum((counts > 0).sum(axis=0), 1)
        weights = len(numbers) / (seen * np.maximum(counts, 1))
        return np.where(counts > 0, weights, 0).astype("float32")

    def weighted_losses(self, targets: Any, outputs: Any, weights: Any) -> Any:
        import tensorflow as tf

        losses = tf.nn.sigmoid_cross_entropy_with_logits(targets, outputs)
        return tf.reduce_mean(losses * tf.where(targets > 0, weights[1], weights[0]), axis=1)

    def predictions(self, outputs: np.ndarray) -> np.ndarray:
        """A label applies where its probability is above one half."""
        return (outputs > 0).astype("int32")

    def as_targets(self, outputs: Any) -> Any:
        import tensorflow as tf

        return tf.cast(outputs > 0, tf.float32)

    def probabilities(self, outputs: np.ndarray) -> np.ndarray | None:
        from scipy.special import expit

        return expit(outputs.astype("float64"))

    def decided(self, probabilities: np.ndarray, thresholds: tuple[float, ...]) -> np.ndarray:
        """Each label from its threshold on."""
        return (probabilities >= np.array(thresholds)).astype("int32")

    def references(self, seed: int, labels: int) -> Mapping[str, Reference]:
        """Those of a classification, one model for each label where one cannot have several."""
        from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
        from sklearn.linear_model import LogisticRegression
        from sklearn.multiclass import OneVsRestClassifier
        from sklearn.neighbors import KNeighborsClassifier
        from sklearn.neural_network import MLPClassifier
        from sklearn.svm import SVC

        logistic = OneVsRestClassifier(LogisticRegression(max_iter=500))
        boosting = OneVsRestClassifier(HistGradientBoostingClassifier(random_state=seed))
        boosted = {f"estimator__{name}": values for name, values in BOOSTED.items()}
        forest = RandomForestClassifier(TREES, random_state=seed)
        return {
            "logistic": Reference(logistic, {"estimator__C": C}),
            "svm_rbf": Reference(OneVsRestClassifier(SVC()), {"estimator__C": KERNEL_C}),
            "mlp": Reference(MLPClassifier(max_iter=100, random_state=seed), PERCEPTRONS),
            "boosting": Reference(boosting, boosted),
            "forest": Reference(forest, LEAVES),
            "neighbours": Reference(KNeighborsClassifier(), neighbours(labels)),
        }

    def serve(
        self, outputs: Any, names: Sequence[str], coding: Coding, decision: Decision
    ) -> dict[str, Any]:
        """Labels of 0 and 1, and their probabilities, both (rows, labels)."""
        import tensorflow as tf

        probabilities = tf.sigmoid(outputs / decision.temperature)
        if decision.thresholds:
            labels = probabilities >= tf.constant(decision.thresholds, tf.float32)
        else:
            labels = outputs > 0
        return {"probabilities": probabilities, "labels": tf.cast(labels, tf.float32)}

    def output_columns(self, names: Sequence[str], columns: Sequence[str]) -> dict[str, list[str]]:
        return {
            "labels": list(names),
            "probabilities": [f"probability of {name}" for name in names],
        }
