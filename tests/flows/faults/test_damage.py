"""A file that was damaged is known by its digest, named, and made again or refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from tests.flows.conftest import Layerwise
from tests.flows.faults.conftest import Run, Table, epochs_done, goes_on, until
from tests.flows.faults.outcome import Outcome, client

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def flip_a_byte(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


DAMAGE = pytest.mark.parametrize("damage", [flip_a_byte, truncate])


@DAMAGE
def test_a_checkpoint(
    damage: Callable[[Path], None],
    expected: Outcome,
    make_workspace: Callable[[str], Path],
    prefect_url: str,
    table: Table,
):
    folder = make_workspace("damaged_checkpoint")
    checkpoints = folder / "mlruns" / "scratch" / "checkpoints"
    run = Run(folder, prefect_url)
    until(lambda: epochs_done(client(folder)) > 0 and any(checkpoints.glob("*.npz")))
    run.kill()
    for file in checkpoints.glob("*.npz"):
        damage(file)
    again = goes_on(
        folder, prefect_url, expected, table, f"checkpoint: {damage.__name__}", "the level"
    )
    assert "Checkpoint" in again.messages and "damaged" in again.messages


@DAMAGE
@pytest.mark.parametrize("name", ["autoencoder.keras", "predictions.npz"])
def test_an_artifact(
    name: str,
    damage: Callable[[Path], None],
    expected: Outcome,
    make_workspace: Callable[[str], Path],
    prefect_url: str,
    table: Table,
):
    folder = make_workspace("damaged_artifact")
    run = Run(folder, prefect_url)
    assert run.end() == 0, run.messages
    damage(sorted(folder.glob(f"mlruns/artifacts/**/{name}"))[0])
    again = goes_on(folder, prefect_url, expected, table, f"{name}: {damage.__name__}", "the stage")
    assert f"Artifact '{name}' of run" in again.messages and "computed again" in again.messages


@DAMAGE
@pytest.mark.parametrize("name", ["saved_model.pb", "variables.data-00000-of-00001"])
def test_an_exported_model(
    name: str,
    damage: Callable[[Path], None],
    expected: Outcome,
    make_workspace: Callable[[str], Path],
    prefect_url: str,
    layerwise: Layerwise,
    table: Table,
):
    folder = make_workspace("damaged_export")
    run = Run(folder, prefect_url)
    assert run.end() == 0, run.messages
    damage(next((folder / "exports" / "digits" / "1").glob(f"**/{name}")))
    np.save(folder / "rows.npy", load_digits().data)
    refused = layerwise("score", "exports/digits", "rows.npy", "-o", "out.csv", folder=folder)
    assert refused.returncode == 2
    assert "exports/digits/1' is damaged" in refused.stderr and "Export it again" in refused.stderr
    goes_on(folder, prefect_url, expected, table, f"exported {name}: {damage.__name__}", "0")
