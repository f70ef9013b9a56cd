"""The code of the registered MLflow model: it feeds the SavedModel and knows nothing of ours.

MLflow stores this file with the model and runs it where the model is served; there is no pickle.
"""

import datetime
import json
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import tensorflow as tf
from mlflow.pyfunc import PythonModel


class ServedModel(PythonModel):
    """Rows in, the outputs of one signature out; `params={"endpoint": ...}` chooses which."""

    def load_context(self, context: Any) -> None:
        """Load the SavedModel that was logged with this file."""
        folder = Path(context.artifacts["saved_model"])
        self.signatures = tf.saved_model.load(str(folder)).signatures
        self.metadata = json.loads((folder / "assets.extra" / "layerwise.json").read_text())

    # A table comes as a DataFrame, a matrix as an array. MLflow warns without a hint, takes most
    # hints for the schema of the input, and knows none for both.
    def predict(self, context, model_input: pd.DataFrame, params=None):
        """One row of outputs for each row."""
        endpoint = (params or {}).get("endpoint", "serve")
        if endpoint not in self.metadata["endpoints"]:
            raise ValueError(f"endpoint must be one of {self.metadata['endpoints']}: {endpoint!r}.")
        outputs = self.signatures[endpoint](**self._inputs(model_input))
        return pd.concat(
            [self._frame(name, value.numpy()) for name, value in sorted(outputs.items())], axis=1
        )

    def _inputs(self, rows: Any) -> dict[str, tf.Tensor]:
        if not self.metadata["inputs"]:
            return {"rows": tf.constant(np.asarray(rows, "float64"))}
        return {
            given["name"]: tf.constant(_values(rows[given["column"]], given))
            for given in self.metadata["inputs"]
        }

    def _frame(self, name: str, values: np.ndarray) -> pd.DataFrame:
        if values.dtype == object:
            values = np.array([value.decode() for value in values])
        columns = self.metadata["outputs"][name]
        return pd.DataFrame(values.reshape(len(values), -1), columns=columns)


def _values(cells: pd.Series, given: dict[str, str]) -> np.ndarray:
    """A column as pandas has it, of any type, as its input takes it."""
    if given["type"] == "float64":
        return cells.astype("float64").to_numpy()
    if "form" in given:
        cells = cells.map(_date)
    return cells.map(_text).to_numpy(str)


def _date(value: Any) -> Any:
    """A date that is no text as seconds since 1970 in UTC, as the model reads them."""
    if isinstance(value, datetime.date) and not pd.isna(value):
        return f"@{pd.Timestamp(value).timestamp()!r}"
    return value


def _text(value: Any) -> str:
    """A cell as text: whole floats with all their digits, nothing for what is missing."""
    if pd.isna(value):
        return ""
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)


mlflow.models.set_model(ServedModel())
