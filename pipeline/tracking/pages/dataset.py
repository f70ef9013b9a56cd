"""The dataset that MLflow shows with a run."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.numpy_dataset import from_numpy
from mlflow.entities import Dataset, DatasetInput, InputTag

DIGEST_LENGTH = 36


def dataset_input(
    name: str,
    origin: str,
    digest: str,
    rows: np.ndarray,
    targets: np.ndarray,
    profile: Mapping[str, Any],
) -> DatasetInput:
    """Name, digest, where the rows come from (a package or a file's name), and a row's schema.

    The profile is what the page shows: a name and a number or text on each line.
    """
    described = from_numpy(
        rows,
        source=CodeDatasetSource(tags={}),
        targets=targets,
        name=name,
        digest=digest[:DIGEST_LENGTH],
    ).to_dict()
    # MLflow's own sources can load what they name; ours is words.
    described |= {"source_type": "layerwise", "source": json.dumps({"origin": origin})}
    described["profile"] = json.dumps(profile)
    return DatasetInput(Dataset(**described), tags=[InputTag("mlflow.data.context", "training")])
