"""What tasks have in common that ask for no label."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.tasks.task import Reference, Task


class Unlabelled(Task):
    """All levels are trained together as one deep autoencoder, and no target is read in that."""

    pseudo_labels = False
    has_classes = False

    def without_labels(self, rows: int) -> np.ndarray:
        """Zeros, int32 (rows,)."""
        return np.zeros(rows, "int32")

    def labelled(self, target: np.ndarray) -> np.ndarray:
        """Every row is trained on, or tested."""
        return np.ones(len(target), bool)

    def check(self, target: np.ndarray, columns: Sequence[str], where: str) -> None:
        """Any rows will do."""

    def predictions(self, outputs: np.ndarray) -> np.ndarray:
        """What is measured of rows, as it is."""
        return outputs

    def spec(self, outputs: int) -> Any:
        raise TypeError(f"{self.kind} trains without a target")

    def losses(self, targets: Any, outputs: Any) -> Any:
        raise TypeError(f"{self.kind} trains without a target")

    def references(self, seed: int, labels: int) -> Mapping[str, Reference]:
        return {}
