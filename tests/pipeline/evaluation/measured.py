"""Scores of a real run with forty seeds, from which simulations draw runs with fewer."""

from pathlib import Path

import numpy as np

from pipeline.evaluation.compare import Score

FILE = Path(__file__).with_name("digits_scores.csv")
"""Its first lines name the command that made it."""
ARMS = ("pretrained", "random")


def measured_digits() -> tuple[list[int], np.ndarray]:
    """Label budgets, and accuracies (arms, seeds, budgets) of `ARMS`."""
    table = np.loadtxt(FILE, delimiter=",", skiprows=4, dtype=int)
    budgets = np.unique(table[:, 0]).tolist()
    by_budget = np.stack([table[table[:, 0] == labels, 2:] for labels in budgets])
    return budgets, by_budget.transpose(2, 1, 0) / 359


def as_scores(budgets: list[int], curves: np.ndarray) -> list[Score]:
    """From scores (arms, seeds, budgets); each seed has a stack of its own."""
    return [
        Score(arm, labels, seed, float(curves[which, seed, at]), seed)
        for which, arm in enumerate(ARMS)
        for seed in range(curves.shape[1])
        for at, labels in enumerate(budgets)
    ]
