"""A project's folder that is moved or copied: all in it is found, and stored, where it lies."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from tests.flows.conftest import Layerwise, settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
RUN = [
    "run", "digits", "--summary", "summary.json",
    *settings("finetune.label_budgets=[30]", "finetune.seeds=1"),
]  # fmt: skip


def contents(folder: Path) -> dict[str, str]:
    """A digest of every file below."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def check_whole_use(folder: Path, layerwise: Layerwise, away: Path) -> None:
    """Compare, export, predict and another run: all from the folder, nothing of where it was."""

    def said(*arguments: str | Path) -> str:
        done = layerwise(*arguments, folder=folder)
        assert done.returncode == 0, done.stderr
        assert str(away) not in done.stdout + done.stderr
        return done.stdout

    compared = json.loads(said("compare", "digits", "--json"))
    assert compared["export"]["path"] == str(folder / "exports" / "digits" / "1")
    assert compared["report"].startswith(f"{folder}/mlruns/")
    assert Path(compared["report"]).is_file()
    assert said("export", "digits", "elsewhere") == "elsewhere/1\n"
    np.save(folder / "rows.npy", load_digits().data[:20])
    said("predict", "models:/digits@latest_run", "rows.npy", "-o", "predicted.csv")
    assert len((folder / "predicted.csv").read_text().splitlines()) == 21
    said(*RUN)
    again = json.loads((folder / "summary.json").read_text())
    assert all(layer["cached"] for layer in again["layers"])
    assert again["comparison"] == compared["comparison"]
    said(*RUN, "--set", "stack.1.learning_rate=0.002")  # stores a level, trials, a model
    assert not away.exists()


def test_a_moved_and_a_copied_project(
    make_workspace: Callable[[str], Path], layerwise: Layerwise, tmp_path: Path
):
    made = make_workspace("made")
    first = layerwise(*RUN, folder=made)
    assert first.returncode == 0, first.stderr
    moved = tmp_path / "moved and renamed, ü"
    shutil.move(made, moved)
    copied = tmp_path / "copied"
    shutil.copytree(moved, copied)
    check_whole_use(moved, layerwise, made)

    before = contents(moved)
    shutil.move(moved, tmp_path / "taken away")  # a copy that looks into it finds nothing
    check_whole_use(copied, layerwise, moved)
    assert contents(tmp_path / "taken away") == before
