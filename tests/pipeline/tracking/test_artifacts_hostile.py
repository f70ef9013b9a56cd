"""Artifacts that somebody put into the store, and changed exports: not run, not trusted."""

import os
import pickle
from pathlib import Path

import keras
import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.export.folder import model_folder
from pipeline.export.inference import describe_model
from pipeline.tracking.artifacts import PREDICTIONS, predictions_of
from pipeline.tracking.find import find, find_run
from pipeline.tracking.models import AUTOENCODER, stored_model
from pipeline.tracking.tracker import Tracker


def stored(uri: str, file: Path) -> tuple[Tracker, str]:
    """The file as the artifact of a finished run, its digest as it must be."""
    tracker = Tracker(uri, "hostile")
    with tracker.stage("pretrain level 1", "pretrain", None, {}) as run:
        run.artifact(file)
    return tracker, run.run_id


def test_a_lambda_in_a_stored_model_is_refused_and_not_run(uri: str, tmp_path: Path):
    proof = tmp_path / "ran"
    trap = eval(f"lambda x: (__import__('os').mkdir({str(proof)!r}), x)[1]")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(trap)])
    assert proof.exists()  # Keras runs it to tell the shapes
    proof.rmdir()
    file = tmp_path / AUTOENCODER
    model.save(file)
    tracker, run_id = stored(uri, file)
    with pytest.raises(InputError, match="Lambda"):
        stored_model(tracker, run_id, AUTOENCODER)
    assert not proof.exists()


class Booby:
    """Runs a command when it is unpickled."""

    def __init__(self, proof: Path):
        self.proof = proof

    def __reduce__(self):
        return os.mkdir, (str(self.proof),)


def test_pickles_in_place_of_artifacts_are_refused_and_not_run(uri: str, tmp_path: Path):
    proof = tmp_path / "ran"
    trap = Booby(proof)
    model, predictions = tmp_path / AUTOENCODER, tmp_path / PREDICTIONS
    for file in (model, predictions):
        file.write_bytes(pickle.dumps(trap))
    tracker, run_id = stored(uri, model)
    with pytest.raises(InputError):
        stored_model(tracker, run_id, AUTOENCODER)
    tracker, run_id = stored(uri, predictions)
    with pytest.raises(ValueError):
        predictions_of(tracker, run_id)
    np.savez(predictions, predicted=np.array([trap]), true=np.array([trap]))
    tracker, run_id = stored(uri, predictions)
    with pytest.raises(ValueError, match="Object arrays cannot be loaded"):
        predictions_of(tracker, run_id)
    assert not proof.exists()


def test_names_lead_out_of_no_folder_and_end_no_statement(uri: str, tmp_path: Path):
    (tmp_path / "whole.txt").write_text("whole")
    tracker, run_id = stored(uri, tmp_path / "whole.txt")
    for name in ("../secret.txt", "/etc/hostname", "a/../../secret.txt"):
        with pytest.raises(InputError):
            tracker.artifact(run_id, name, tmp_path)
    for name in ("a'; drop table runs; --", "' or '1'='1", "$(id)", "../x", "%", "a\0b"):
        for look_up in (find, find_run):
            with pytest.raises(InputError, match=r"There is no (experiment|run)"):
                look_up(name)
    assert tracker.artifact(run_id, "whole.txt", tmp_path).read_text() == "whole"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"columns": 3}', b'{"columns": [[1]]}', b"\xff", b"[" * 10**5]
)
def test_a_changed_description_of_an_export_is_refused(content: bytes, tmp_path: Path):
    (tmp_path / "saved_model.pb").touch()
    (tmp_path / "assets.extra").mkdir()
    (tmp_path / "assets.extra" / "layerwise.json").write_bytes(content)
    with pytest.raises(InputError, match=r"is damaged: layerwise\.json cannot be read"):
        describe_model(model_folder(tmp_path))
