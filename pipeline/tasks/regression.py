"""A number."""

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
    neighbours,
)
from pipeline.tasks.decision import Decision
from pipeline.tasks.labels import Labels
from pipeline.tasks.number_metrics import METRICS
from pipeline.tasks.task import Coding, Reference, Task


class Regression(Task):
    """Targets and numbers are float64 (rows,), NaN where there is no label.

    A network is trained on targets of mean 0 and standard deviation 1, as those of its own label
    budget have them; the offset is subtracted, and added again, in float64.
    """

    metrics = METRICS
    pseudo_labels = False
    has_classes = False

    def target(self, labels: Labels) -> np.ndarray:
        """float64 (rows,)."""
        names, where = labels.names, labels.where
        if names.ndim != 1:
            raise InputError(
                f"A row has one label. {where} has labels of shape {names.shape}. Give an array of "
                "shape (rows,)."
            )
        numbers = np.full(len(names), np.nan)
        labelled = names != ""
        try:
            numbers[labelled] = labels.values[labelled].astype(np.float64)
        except ValueError:
            first = next(row for row in np.flatnonzero(labelled) if not _is_finite(names[row]))
            raise InputError(
                f"A regression target must be numeric. {where} has {str(names[first])!r} in row "
                f"{first + 1}. Correct it, name it in data.unlabelled if it means that there is no "
                "label, or set task.kind: classification."
            ) from None
        if np.isinf(numbers).any():
            row = int(np.argmax(np.isinf(numbers))) + 1
            raise InputError(
                f"A regression target must be finite. {where} has {names[row - 1]} in row {row}. "
                "Correct it, or make it empty: such rows serve pretraining only."
            )
        return numbers

    def labelled(self, target: np.ndarray) -> np.ndarray:
        return ~np.isnan(target)

    def check(self, target: np.ndarray, columns: Sequence[str], where: str) -> None:
        if target.min() == target.max():
            raise InputError(
                "The target must vary among the training rows. All labelled training rows of "
                f"{where} have {target[0]}. Give rows with other values, or correct data.label."
            )

    def numbers(
        self, target: np.ndarray, columns: Sequence[str]
    ) -> tuple[tuple[str, ...], np.ndarray]:
        return (), target

    def describe(self, target: np.ndarray, columns: Sequence[str]) -> dict[str, Any]:
        known = target[self.labelled(target)]
        values = [float(known.min()), float(known.max())] if len(known) else None
        return {"classes": None, "target_range": values}

    def target_text(self, names: Sequence[str]) -> str:
        return "a number to predict"

    def spec(self, outputs: int) -> Any:
        import tensorflow as tf

        return tf.TensorSpec((None,), tf.float32)

    def coding(self, numbers: np.ndarray) -> Coding:
        """Mean and standard deviation; of targets that are all equal the scale is 1."""
        return Coding(float(numbers.mean()), float(numbers.std()) or 1.0)

    def losses(self, targets: Any, outputs: Any) -> Any:
        import tensorflow as tf

        return tf.square(targets - outputs[:, 0])

    def predictions(self, outputs: np.ndarray) -> np.ndarray:
        return outputs[:, 0]

    def references(self, seed: int, labels: int) -> Mapping[str, Reference]:
        from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
        from sklearn.linear_model import Ridge
        from sklearn.neighbors import KNeighborsRegressor
        from sklearn.neural_network import MLPRegressor
        from sklearn.svm import SVR

        boosting = HistGradientBoostingRegressor(random_state=seed)
        forest = RandomForestRegressor(TREES, random_state=seed)
        return {
            "logistic": Reference(Ridge(), {"alpha": [0.1, 1, 10, 100]}),
            "svm_rbf": Reference(SVR(), {"C": KERNEL_C}),
            "mlp": Reference(MLPRegressor(max_iter=100, random_state=seed), PERCEPTRONS),
            "boosting": Reference(boosting, BOOSTED),
            "forest": Reference(forest, LEAVES),
            "neighbours": Reference(KNeighborsRegressor(), neighbours(labels)),
        }

    def serve(
        self, outputs: Any, names: Sequence[str], coding: Coding, decision: Decision
    ) -> dict[str, Any]:
        """The number, float64 (rows,)."""
        import tensorflow as tf

        number = tf.cast(outputs[:, 0], tf.float64)
        return {"prediction": number * coding.scale + coding.offset}

    def output_columns(self, names: Sequence[str], columns: Sequence[str]) -> dict[str, list[str]]:
        return {"prediction": ["prediction"]}


def _is_finite(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
