"""What `import layerwise` gives, and what it does not need for that."""

import json
import os
import subprocess
import sys
from pathlib import Path

import layerwise

ROOT = Path(layerwise.__file__).parent


def run(script: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_every_public_name_is_there_and_told_of():
    for name in layerwise.__all__:
        assert getattr(layerwise, name).__doc__


def loaded_after(code: str) -> set[str]:
    script = f"{code}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"
    done = run(script)
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def test_importing_needs_neither_tensorflow_nor_servers():
    loaded = loaded_after("import layerwise; layerwise.StackedClassifier().config()")
    assert not loaded & {"tensorflow", "keras", "prefect", "mlflow"}


def test_fitting_needs_neither_prefect_nor_mlflow_and_says_nothing():
    script = """
from layerwise import StackedClassifier
from sklearn.datasets import load_iris
model = StackedClassifier(stack=[8], finetune={"epochs": 1, "min_steps": 5})
model.fit(*load_iris(return_X_y=True)).predict(load_iris().data)
import sys
assert not {"prefect", "mlflow"} & set(sys.modules)
"""
    done = run(script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
