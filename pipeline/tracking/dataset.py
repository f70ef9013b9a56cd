"""The dataset that MLflow shows with a run."""

from typing import Any

import numpy as np
from mlflow.data.dataset_source import DatasetSource
from mlflow.data.numpy_dataset import from_numpy
from mlflow.entities import DatasetInput, InputTag


def dataset_input(
    name: str, origin: str, digest: str, rows: np.ndarray, targets: np.ndarray
) -> DatasetInput:
    """Name, digest, where the rows come from, and the schema of a row."""
    entity = from_numpy(
        rows, source=_Origin(origin), targets=targets, name=name, digest=digest[:36]
    )
    context = InputTag("mlflow.data.context", "training")
    return DatasetInput(dataset=entity._to_mlflow_entity(), tags=[context])


class _Origin(DatasetSource):
    """Where rows come from, in words: a package or a file's name."""

    def __init__(self, origin: str):
        self.origin = origin

    @staticmethod
    def _get_source_type() -> str:
        return "layerwise"

    def load(self) -> None:
        raise NotImplementedError("Rows are read with `layerwise data`.")

    @staticmethod
    def _can_resolve(raw_source: Any) -> bool:
        return False

    @classmethod
    def _resolve(cls, raw_source: Any) -> "_Origin":
        return cls(str(raw_source))

    def to_dict(self) -> dict[str, str]:
        return {"origin": self.origin}

    @classmethod
    def from_dict(cls, source_dict: dict[str, str]) -> "_Origin":
        return cls(source_dict["origin"])
