"""The registered model behind `mlflow models serve`: the same numbers over HTTP."""

import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

from tests.flows.conftest import COMMAND, Layerwise, free_port, settings, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(make_workspace: Callable[[str], Path], layerwise: Layerwise) -> Path:
    folder = make_workspace("serving")
    budget = "finetune.label_budgets=[200]"
    result = layerwise("run", "digits", *settings(budget), folder=folder)
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    port = free_port()
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlruns/mlflow.db",
        # As in an activated environment: MLflow looks its web server up by name.
        "PATH": f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}",
    }
    command = [COMMAND.with_name("mlflow"), "models", "serve", "-m", "models:/digits@latest_run",
               "--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]  # fmt: skip
    with (folder / "serve.log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=folder.parent, env=environment, stdout=log, stderr=log
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/ping", server)
            yield f"http://127.0.0.1:{port}/invocations"
        finally:
            server.terminate()
            server.wait()


def post(address: str, content: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        address, json.dumps(content).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["predictions"]


def test_a_post_is_answered_with_the_numbers_of_the_savedmodel(folder: Path, address: str):
    rows = load_digits().data[:5]
    model = tf.saved_model.load(str(folder / "exports" / "digits" / "1"))
    expected = model.signatures["serve"](rows=tf.constant(rows))
    answer = post(address, {"inputs": rows.tolist()})
    assert [row["label"] for row in answer] == [v.decode() for v in expected["label"].numpy()]
    got = [[row[f"probability of {digit}"] for digit in range(10)] for row in answer]
    np.testing.assert_allclose(got, expected["probabilities"], rtol=0, atol=1e-6)

    errors = post(address, {"inputs": rows.tolist(), "params": {"endpoint": "score"}})
    expected = model.signatures["score"](rows=tf.constant(rows))["reconstruction_error"]
    np.testing.assert_allclose(
        [row["reconstruction_error"] for row in errors], expected, rtol=0, atol=1e-6
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"inputs": [[1.0, 2.0]]}, "Each row is to have 64 numbers. Given: an array of shape"),
        ({"inputs": [["one"] * 64]}, "Rows are to be numbers: could not convert string to float"),
        ({"dataframe_records": [{"x0": 1}]}, "Each row is to have 64 numbers."),
        (
            {"inputs": [[0] * 64], "params": {"endpoint": "guess"}},
            "endpoint must be one of ['serve', 'encode', 'reconstruct', 'score', 'encode_level_1', "
            "'encode_level_2']: 'guess'.",
        ),
    ],
    ids=["width", "text", "table", "endpoint"],
)
def test_what_the_model_cannot_take_is_answered_with_400_and_one_sentence(
    address: str, content: dict[str, Any], sentence: str
):
    with pytest.raises(urllib.error.HTTPError) as refusal:
        post(address, content)
    assert refusal.value.code == 400
    message = json.load(refusal.value)["message"]
    assert message.startswith(sentence)
    assert "\n" not in message
