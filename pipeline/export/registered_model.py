"""The registered model: the SavedModel with a signature, example rows and a small script."""

from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from pipeline.data.prepared import Prepared
from pipeline.export.inference import infer
from pipeline.export.signatures.inputs import by_name, given_by_name, input_names
from pipeline.export.trained import ENDPOINTS

SCRIPT = Path(__file__).with_name("served_model.py")
PACKAGES = ("mlflow", "tensorflow", "numpy", "pandas")
EXAMPLE_ROWS = 3


class ServedModel(NamedTuple):
    """What MLflow is given to make a model of an exported folder."""

    script: Path
    example: Any
    """A few raw rows: a table's as a person would write them, or a matrix."""
    outputs: pd.DataFrame
    """What the exported model serves for them."""
    endpoints: tuple[str, ...]
    packages: tuple[str, ...]
    """What the script needs to run."""


def served_model(folder: Path, data: Prepared) -> ServedModel:
    """The registered form of a folder that was exported from a network trained on these data."""
    numbers, categories = data.numbers[:EXAMPLE_ROWS], data.categories[:EXAMPLE_ROWS]
    outputs = infer(folder, "serve", numbers, categories)
    columns = data.preprocessing.columns
    example: Any = numbers
    if by_name(columns, data.layout is not None):
        inputs = given_by_name(columns, numbers, categories, written=True)
        example = pd.DataFrame({name: inputs[of] for name, of in input_names(columns).items()})
    return ServedModel(SCRIPT, example, outputs, ENDPOINTS, PACKAGES)
