"""How the learning rate goes while a model trains."""

import numpy as np


def constant_then_linear(rate: float, steps: int) -> np.ndarray:
    """Learning rates (steps, 1): constant for the first half, then linearly to zero."""
    share_left = 1 - np.arange(steps) / steps
    return (rate * np.minimum(1, 2 * share_left))[:, None]
