"""The dataset that MLflow shows with a run."""

import json

import numpy as np
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.numpy_dataset import from_numpy
from mlflow.entities import Dataset, DatasetInput, InputTag


def dataset_input(
    name: str, origin: str, digest: str, rows: np.ndarray, targets: np.ndarray
) -> DatasetInput:
    """Name, digest, where the rows come from (a package or a file's name), and a row's schema."""
    described = from_numpy(
        rows, source=CodeDatasetSource(tags={}), targets=targets, name=name, digest=digest[:36]
    ).to_dict()
    # MLflow's own sources can load what they name; ours is words.
    described |= {"source_type": "layerwise", "source": json.dumps({"origin": origin})}
    return DatasetInput(Dataset(**described), tags=[InputTag("mlflow.data.context", "training")])
