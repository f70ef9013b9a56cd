"""Two checkouts that share a tracking server share what was computed."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flows.conftest import free_port, mlflow_server, settings

pytestmark = pytest.mark.slow
PACKAGES = ("layers", "pipeline", "flows")


def checkout(folder: Path) -> Path:
    """The program alone, in a folder of its own."""
    for package in PACKAGES:
        shutil.copytree(Path(__file__).parents[2] / package, folder / package)
    return folder


def run_in(program: Path, prefect_url: str, uri: str, *more: str, **environment: str) -> dict:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "PREFECT_"))}
    done = subprocess.run(
        [
            sys.executable, "-m", "flows.cli", "run", "digits",
            *settings("finetune.label_budgets=[30]"), "--summary", "summary.json", *more,
        ],
        cwd=program,
        env=kept
        | {
            "PREFECT_API_URL": prefect_url,
            "MLFLOW_TRACKING_URI": uri,
            "LAYERWISE_SCRATCH": str(program / "scratch"),
        }
        | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads((program / "summary.json").read_text())


def test_what_one_computed_the_other_takes(
    tmp_path: Path, make_workspace: Callable[[str], Path], prefect_url: str
):
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    one, other = checkout(tmp_path / "one"), checkout(tmp_path / "other")
    with mlflow_server(make_workspace("shared"), port):
        first = run_in(one, prefect_url, uri)
        second = run_in(other, prefect_url, uri)
        refreshed = run_in(other, prefect_url, uri, "--refresh")
    assert [level["cached"] for level in first["layers"]] == [False, False]
    assert [level["cached"] for level in second["layers"]] == [True, True]
    assert [level["cached"] for level in refreshed["layers"]] == [False, False]
    made_by = [[level["made_by"] for level in run["layers"]] for run in (first, second, refreshed)]
    assert made_by[0] == made_by[1]
    assert made_by[0] != made_by[2]
    assert first["comparison"] == second["comparison"] == refreshed["comparison"]
    exported = Path(second["export"]["path"])
    assert exported.is_relative_to(other) and (exported / "saved_model.pb").exists()
