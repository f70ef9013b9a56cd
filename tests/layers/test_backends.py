"""The layers work on every Keras backend: what they import, and these tests on the other one."""

import ast
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import keras
import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "layers").rglob("*.py"))
OTHER = {"tensorflow": "jax", "jax": "tensorflow"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_layers_import_nothing_that_ties_them_to_a_backend(path):
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module)
    standard = {"abc", "collections", "functools", "importlib", "math", "pkgutil", "typing"}
    names = {name.partition(".")[0] for name in imported}
    assert names - standard <= {"keras", "numpy", "layers"}
    assert not any(name.startswith("keras.src") for name in imported)


def test_the_layers_were_found():
    assert len(SOURCES) > 10


# Outside a compiled function JAX compiles every loop anew, so that all of them take minutes.
QUICK = ["test_autoencoder.py", "test_category_softmax.py", "test_corruption.py",
         "sparsity/test_jumprelu.py", "sparsity/test_kl.py", "sparsity/test_topk.py",
         "sparsity/test_batch_topk.py"]  # fmt: skip


@pytest.mark.parametrize("files", [QUICK, pytest.param([""], id="all", marks=pytest.mark.slow)])
def test_these_tests_pass_on_the_other_backend_too(files, tmp_path):
    report = tmp_path / "report.xml"
    environment = {
        **os.environ,
        "KERAS_BACKEND": OTHER[keras.backend.backend()],
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # compiling is most of the time
    }
    paths = [str(Path(__file__).parent / file) for file in files]
    command = [sys.executable, "-m", "pytest", *paths, "-q"]
    options = [f"--ignore={__file__}", f"--junitxml={report}", "-p", "no:cacheprovider"]
    run = subprocess.run(
        command + options, cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
    counts = ElementTree.parse(report).getroot().find("testsuite").attrib
    assert int(counts["tests"]) > 50
    assert [counts["failures"], counts["errors"], counts["skipped"]] == ["0", "0", "0"]
