"""What a target is taken for where the config leaves it open."""

import numpy as np
import pytest

from pipeline.tasks.auto import decided_by
from pipeline.tasks.labels import Labels

SHELLS = (
    *(1, 1, 15, 57, 115, 259, 391, 568, 689, 634, 487, 267, 203, 126),
    *(103, 67, 58, 42, 32, 26, 14, 6, 9, 2, 1, 1, 2, 1),
)
RINGS = np.repeat(np.arange(1, 29), SHELLS)
"""Of shells, as many years."""


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (np.tile(np.arange(10), 30), "classification"),  # digits
        (np.tile(np.arange(100), 50), "classification"),  # objects by number
        (np.repeat([3, 4, 5, 6, 7, 8], [10, 53, 681, 638, 199, 18]), "classification"),  # marks
        (np.repeat([1, 2, 3, 5, 6], [1, 2, 40, 30, 2]), "classification"),
        (RINGS, "regression"),
        (np.arange(60), "regression"),
        (np.array([0.5, 1.0, 2.0]), "regression"),
        (np.array(["a", "b"]), "classification"),
        (np.array([1.0, 2.0]), "classification"),
    ],
)
def test_few_whole_numbers_are_classes_unless_many_of_them_are_rare(values: np.ndarray, task: str):
    assert decided_by(Labels(values, values.astype(str), (), "here")) == task
