"""The layout and the JSON that TensorFlow Serving takes, as its documentation and source have it.

The server itself is in no package registry. What stands here in its place: the folder and the
SavedModel's own record of its signatures, which is what the server reads, and its rules for JSON.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits
from tensorflow.core.protobuf import saved_model_pb2

from pipeline.data.sources.read import read_rows
from pipeline.export.inference import infer, model_columns

NAMES = {"serve", "encode", "reconstruct", "score", "encode_level_1"}


def meta_graph(model: Path) -> Any:
    """What the server reads of a SavedModel: the graph of the tag `serve`."""
    saved = saved_model_pb2.SavedModel.FromString((model / "saved_model.pb").read_bytes())
    (graph,) = [graph for graph in saved.meta_graphs if list(graph.meta_info_def.tags) == ["serve"]]
    return graph


def answered(model: Path, body: str) -> Any:
    """What the server answers to `POST /v1/models/NAME:predict`, by its rules for JSON."""
    request = json.loads(body)  # NaN and Infinity are numbers, as they are for the server
    name = request.get("signature_name", "serving_default")
    signature = tf.saved_model.load(str(model)).signatures[name]
    types = {key: spec.dtype for key, spec in signature.structured_input_signature[1].items()}
    (given,) = request.keys() - {"signature_name"}
    values = request[given]
    if given == "instances":  # objects with all inputs, or the values of the only one
        named = len(types) > 1 or isinstance(values[0], dict)
        assert not named or all(row.keys() == types.keys() for row in values)
        values = {key: [row[key] if named else row for row in values] for key in types}
    elif len(types) == 1 and not isinstance(values, dict):
        values = {next(iter(types)): values}
    outputs = signature(**{key: tensor(values[key], types[key]) for key in types})
    told = {key: told_in_json(value.numpy()) for key, value in outputs.items()}
    if len(told) == 1:
        return {"predictions" if given == "instances" else "outputs": next(iter(told.values()))}
    if given == "inputs":
        return {"outputs": told}
    rows = zip(*told.values(), strict=True)
    return {"predictions": [dict(zip(told, row, strict=True)) for row in rows]}


def tensor(values: Any, dtype: tf.DType) -> tf.Tensor:
    """JSON as a tensor: a double takes numbers alone, a string text alone."""
    kind = str if dtype == tf.string else (int, float)
    for value in np.array(values, object).ravel():
        assert isinstance(value, kind) and not isinstance(value, bool)
    return tf.constant(values, dtype)


def told_in_json(values: np.ndarray) -> list[Any]:
    """Text as text, for no output is called `..._bytes`."""
    decoded = np.vectorize(bytes.decode)(values) if values.dtype == object else values
    return decoded.tolist()


@pytest.fixture(params=["digits_run", "flowers_run"])
def model(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param).model


def test_a_version_is_a_folder_named_by_a_number(model: Path):
    assert model.name.isdigit()
    assert {path.name for path in model.iterdir()} >= {"saved_model.pb", "variables"}


def test_every_signature_is_one_to_predict_with_and_the_default_is_serve(model: Path):
    signatures = dict(meta_graph(model).signature_def)
    signatures.pop("__saved_model_init_op", None)
    assert signatures.keys() >= NAMES | {"serving_default"}
    assert {of.method_name for of in signatures.values()} == {"tensorflow/serving/predict"}
    serve, default = signatures["serve"], signatures["serving_default"]
    for part in ("inputs", "outputs"):
        assert getattr(serve, part).keys() == getattr(default, part).keys()
    assert not any(name.endswith("_bytes") for of in signatures.values() for name in of.outputs)


def test_inputs_are_rows_of_any_number_and_of_types_that_json_has(model: Path):
    for name, of in meta_graph(model).signature_def.items():
        for key, info in of.inputs.items():
            assert info.dtype in (tf.float64.as_datatype_enum, tf.string.as_datatype_enum), key
            sizes = [dim.size for dim in info.tensor_shape.dim]
            assert sizes == ([-1, 64] if key == "rows" else [-1]), (name, key)


def test_images_are_sent_as_lists_of_numbers(digits_run):
    rows = load_digits().data[:3]
    found = infer(digits_run.model, "serve", rows, np.empty((3, 0), "<U1"))
    answer = answered(digits_run.model, json.dumps({"instances": rows.astype(int).tolist()}))
    assert [row["label"] for row in answer["predictions"]] == found["label"].tolist()
    probabilities = [row["probabilities"] for row in answer["predictions"]]
    np.testing.assert_allclose(probabilities, found.drop(columns="label"), atol=1e-6)

    body = {"signature_name": "score", "inputs": {"rows": rows.tolist()}}
    found = infer(digits_run.model, "score", rows, np.empty((3, 0), "<U1"))
    answer = answered(digits_run.model, json.dumps(body))
    np.testing.assert_allclose(answer["outputs"], found["reconstruction_error"], rtol=1e-5)


def test_a_table_is_sent_by_the_names_of_its_columns(flowers_run, flowers):
    """Row by row, or column by column; a number that is missing is NaN, text that is missing ""."""
    columns = model_columns(flowers_run.model)
    rows = read_rows(str(flowers_run.home / "flowers.csv"), columns)
    found = infer(flowers_run.model, "serve", rows.numbers[:20], rows.categories[:20])
    table = flowers[[column.name for column in columns]].astype({"year": str})[:20]
    assert table["sepal_width"].isna().any() and (table["garden"] == "").any()

    answer = answered(flowers_run.model, json.dumps({"instances": table.to_dict("records")}))
    assert [row["label"] for row in answer["predictions"]] == found["label"].tolist()
    answer = answered(flowers_run.model, json.dumps({"inputs": table.to_dict("list")}))
    np.testing.assert_allclose(
        answer["outputs"]["probabilities"], found.drop(columns="label"), atol=1e-6
    )
