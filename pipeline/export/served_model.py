"""The code of the registered MLflow model: it feeds the SavedModel and knows nothing of ours.

MLflow stores this file with the model and runs it where the model is served; there is no pickle.
"""

import datetime
import json
import math
import re
from functools import partial
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import tensorflow as tf
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc import PythonModel

# Numbers as the tables of training have them (pipeline/data/sources/tables/sql.py).
_MONEY = (
    "(?:[A-Z]{0,2}[$€£¥]|EUR|USD|GBP|CHF|JPY|CNY|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|TRY|INR|BRL|"
    "MXN|ZAR|KRW|SGD|HKD|RUB)"
)
SIGNS = {"": "", "+": "", "-": "-", "()": "-"}
_BEFORE = rf"([+\u2212(-]?){_MONEY}?\s*([+\u2212-]?)"
_AFTER = rf"\s*(?:%|{_MONEY})?([\u2212)-]?)"
_PLAIN = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_GROUPED = r"[1-9]\d{0,2}(?:[,'\u2019\u00a0\u202f ]\d{3})+(?:\.\d+)?"
_PLAIN_COMMA = r"(?:\d+,?\d*|,\d+)(?:[eE][+-]?\d+)?"
GROUPED_COMMA = re.compile(r"[1-9]\d{0,2}(?:[.'\u2019\u00a0\u202f ]\d{3})+(?:,\d+)?")
POINT = re.compile(f"{_BEFORE}({_GROUPED}|{_PLAIN}){_AFTER}")
COMMA = re.compile(f"{_BEFORE}({GROUPED_COMMA.pattern}|{_PLAIN_COMMA}|{_PLAIN}){_AFTER}")


class RefusedError(MlflowException):
    """What the model cannot take: `mlflow models serve` answers 400 and this sentence."""

    def __init__(self, sentence: str):
        super().__init__(sentence, error_code=INVALID_PARAMETER_VALUE)

    def __setattr__(self, name: str, value: Any) -> None:
        # MLflow's server puts the rows, all of them, before the sentence.
        if name != "message" or not hasattr(self, "message"):
            super().__setattr__(name, value)


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
            raise RefusedError(
                f"endpoint must be one of {self.metadata['endpoints']}: {endpoint!r}."
            )
        outputs = self.signatures[endpoint](**self._inputs(model_input))
        return pd.concat(
            [self._frame(name, value.numpy()) for name, value in sorted(outputs.items())], axis=1
        )

    def _inputs(self, rows: Any) -> dict[str, tf.Tensor]:
        if not self.metadata["inputs"]:
            return {
                "rows": tf.constant(_matrix(rows, [name for name, *_ in self.metadata["columns"]]))
            }
        columns = [taken["column"] for taken in self.metadata["inputs"]]
        if lacking := [column for column in columns if column not in rows]:
            raise RefusedError(f"These columns are missing: {', '.join(map(repr, lacking))}.")
        return {
            taken["name"]: self._input(rows[taken["column"]], taken)
            for taken in self.metadata["inputs"]
        }

    def _input(self, cells: pd.Series, taken: dict[str, str]) -> tf.Tensor:
        known = self.metadata["vocabularies"].get(taken["column"], [])
        rule = f"Column {taken['column']!r} is to be of one {taken['kind']} a row"
        nested = [cell for cell in cells if pd.api.types.is_list_like(cell)]
        if nested:
            raise RefusedError(f"{rule}. Given: {nested[0]!r:.80}.")
        try:
            return tf.constant(_values(cells, taken, known))
        except (TypeError, ValueError) as error:
            raise RefusedError(f"{rule}: {error}.") from error

    def _frame(self, name: str, values: np.ndarray) -> pd.DataFrame:
        if values.dtype == object:
            values = np.array([value.decode() for value in values])
        columns = self.metadata["outputs"][name]
        return pd.DataFrame(values.reshape(len(values), len(columns)), columns=columns)


def _matrix(rows: Any, columns: list[str]) -> np.ndarray:
    """Rows of numbers of any type: an array, images too, or a table, by its columns' names or all.

    The table of training has its target too, which is left out.
    """
    try:
        if isinstance(rows, pd.DataFrame):
            named = rows[columns] if set(columns) <= set(rows) else rows
            matrix = named.apply(_numbers).to_numpy("float64", na_value=np.nan)
        else:
            matrix = np.asarray(rows, "float64")
    except (TypeError, ValueError) as error:
        raise RefusedError(f"Rows are to be numbers: {error}.") from error
    width = math.prod(matrix.shape[1:])
    if matrix.ndim < 2 or width != len(columns):
        raise RefusedError(
            f"Each row is to have {len(columns)} numbers. Given: an array of shape {matrix.shape}."
        )
    return matrix.reshape(len(matrix), width)


def _numbers(cells: pd.Series) -> pd.Series:
    is_text = not pd.api.types.is_numeric_dtype(cells)
    return cells.map(partial(_number, comma=False, units={})) if is_text else cells


def _values(cells: pd.Series, taken: dict[str, Any], known: list[str]) -> np.ndarray:
    """A column as pandas has it, of any type, as its input takes it.

    `known`: the values that the model tells apart, of a category.
    """
    match taken["kind"]:
        case "number":
            units = taken.get("units", {})
            read = partial(_number, comma="form" in taken, units=units)
            return cells.map(read).to_numpy("float64")
        case "date":
            cells = cells.map(_date)
        case "category":
            alike = {_alike(value): value for value in known}
            cells = cells.map(partial(_category, known=set(known), alike=alike))
    return cells.map(_text).to_numpy(str)


def _number(cell: Any, comma: bool, units: dict[str, float]) -> float:
    """A number, in text also as people write it: 1,037.5 and 5 % and, with a comma, 1.037,5.

    Where it has `units`, with one of these or none.
    """
    if not isinstance(cell, str):
        return np.nan if pd.isna(cell) else float(cell)
    text, worth = _without_unit(cell.strip(), units) if units else (cell.strip(), 1.0)
    found = (COMMA if comma else POINT).fullmatch(text)
    signs = (found[1] + found[2] + found[4]).replace("\u2212", "-") if found else None
    if not found or signs not in SIGNS:
        return np.nan
    digits = re.sub("[^0-9.,eE+-]", "", found[3])
    if comma and ("," in digits or GROUPED_COMMA.fullmatch(found[3])):
        digits = digits.replace(".", "").replace(",", ".")
    return float(SIGNS[signs] + digits.replace(",", "")) * worth


def _without_unit(text: str, units: dict[str, float]) -> tuple[str, float]:
    """A cell without its unit, and what that is worth; "" where it has another one."""
    worth = 1.0
    one_of = "|".join(map(re.escape, sorted(units, key=len, reverse=True)))
    if behind := re.fullmatch(rf"(.*\d[.,]?)\s*({one_of})([\u2212)-]?)", text):
        text, worth = behind[1] + behind[3], units[behind[2]]
    if all(re.fullmatch(_MONEY, unit) for unit in units):
        text = re.sub(rf"^([+\u2212(-]?)\s*(?:{one_of})\s*", r"\1", text)
    return ("", worth) if re.search(f"{_MONEY}|%", text) else (text, worth)


def _date(cell: Any) -> Any:
    """A date that is no text as seconds since 1970 in UTC, as the model reads them."""
    if isinstance(cell, datetime.date) and not pd.isna(cell):
        return f"@{pd.Timestamp(cell).timestamp()!r}"
    return cell


def _category(cell: Any, known: set[str], alike: dict[Any, str]) -> Any:
    """The category of which pandas made a number or truth: of 007 it makes 7, of true True."""
    if isinstance(cell, str) or _text(cell) in known:
        return cell
    return alike.get(_alike(cell), cell)


def _alike(cell: Any) -> Any:
    """What a category and what pandas makes of it have in common."""
    try:
        return float(cell)
    except (TypeError, ValueError):
        return str(cell).lower()


def _text(cell: Any) -> str:
    """A cell as text: whole floats with all their digits, nothing for what is missing."""
    if pd.isna(cell):
        return ""
    return f"{cell:.0f}" if isinstance(cell, float) and cell.is_integer() else str(cell)


mlflow.models.set_model(ServedModel())
