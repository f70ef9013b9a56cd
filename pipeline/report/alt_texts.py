"""What each figure shows, in words: for who does not see it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.counting import counted, with_labels
from pipeline.evaluation.metrics import WORDS
from pipeline.evaluation.units import gain_unit, score_text
from pipeline.tasks.metric import Reliability


def scores_text(comparison: Sequence[Mapping[str, Any]], metric: str) -> str:
    """The mean of each arm at each label budget."""
    budgets = [
        f"{with_labels(row['labels'])} "
        + ", ".join(f"{arm} {score_text(s['mean'], metric)}" for arm, s in row["arms"].items())
        for row in comparison
    ]
    return f"Mean {WORDS[metric]}: {'; '.join(budgets)}."


def gains_text(comparison: Sequence[Mapping[str, Any]], metric: str) -> str:
    """The mean gain at each label budget, with its interval."""
    budgets = []
    for row in comparison:
        mean = score_text(row["gain"]["mean"], metric, "+")
        text = f"{with_labels(row['labels'])} {mean}"
        if interval := row["gain"]["ci95"]:
            low, high = (score_text(end, metric, "+") for end in interval)
            text += f" from {low} to {high}"
        budgets.append(text)
    return f"Mean gain in {gain_unit(metric)}, with its interval: {'; '.join(budgets)}."


def confusion_text(matrices: Mapping[str, np.ndarray], classes: Sequence[str]) -> str:
    """For each arm how many rows are right, and the error that is made most often."""
    arms = []
    for arm, matrix in matrices.items():
        errors = matrix - np.diag(np.diag(matrix))
        text = f"{arm}: {100 * np.trace(matrix) / max(matrix.sum(), 1):.0f} % of rows right"
        if errors.any():
            true, predicted = np.unravel_index(errors.argmax(), errors.shape)
            text += f", most often {classes[true]} is taken for {classes[predicted]}"
        arms.append(text)
    return "; ".join(arms) + "."


def calibration_text(curves: Mapping[str, Reliability]) -> str:
    """For each arm how sure predictions are and how often right."""
    arms = [
        f"{arm}: {100 * np.sum(curve.share * curve.confidence):.0f} % sure on average, "
        f"{100 * np.sum(curve.share * curve.right):.0f} % right"
        for arm, curve in curves.items()
    ]
    return "; ".join(arms) + "."


def movement_text(moved: Mapping[str, Mapping[int, Sequence[float]]]) -> str:
    """For each arm and label budget how far each level moved."""
    arms = [
        f"{arm} {with_labels(labels)}: "
        + ", ".join(f"level {number} by {far:.2g}" for number, far in enumerate(levels, 1))
        for arm, by_budget in moved.items()
        for labels, levels in by_budget.items()
    ]
    return "; ".join(arms) + "."


def curves_text(histories: Mapping[str, Sequence[float]]) -> str:
    """Where each curve begins and ends."""
    curves = [
        f"{name.replace('_', ' ')} from {values[0]:.3g} to {values[-1]:.3g}"
        for name, values in histories.items()
    ]
    epochs = max(len(values) for values in histories.values())
    return f"Over {counted(epochs, 'epoch')}: {', '.join(curves)}."


def density_text(share: np.ndarray) -> str:
    """How often the units of a level are active."""
    least, middle, most = np.quantile(share, [0, 0.5, 1])
    return (
        f"{counted(len(share), 'unit')}: one in the middle is active for {100 * middle:.0f} % of "
        f"the rows, the least active for {100 * least:.0f} %, the most active for "
        f"{100 * most:.0f} %."
    )
