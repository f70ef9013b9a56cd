"""A trial of anomaly detection: benign tumours are normal, malignant ones are to be found."""

from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

from layers.detection import Detector, ImageDetector, batched
from pipeline.config.level import LevelConfig
from pipeline.config.sparsity import TopKLimit
from pipeline.config.task import AnomalyTask, JointTraining
from pipeline.config.untrained import untrained
from pipeline.data.detection_rows import DetectionRows
from pipeline.data.trial_rows import Labelled
from pipeline.tasks import task_of
from pipeline.training.deep.detect import detect
from pipeline.training.deep.outcome import DeepOutcome
from pipeline.training.deep.unrolled import unrolled
from pipeline.training.finetuning.network import random_autoencoders
from tests.pipeline.tumours import tumours

STACK = untrained(
    [LevelConfig(units=32, sparsity=TopKLimit(k=8)), LevelConfig(units=16)], decoder=True
)
TASK = task_of(AnomalyTask(joint=JointTraining(epochs=5, min_steps=100)))


def trial(rows: DetectionRows, trains: bool = True) -> DeepOutcome:
    autoencoders = random_autoencoders(STACK, rows.normal.shape[1], seed=1)
    return detect(
        STACK, autoencoders, trains, rows, TASK, TASK.metric("auroc"), seed=3,
        watch=lambda _: None,
    )  # fmt: skip


@pytest.fixture(scope="module")
def found() -> DeepOutcome:
    return trial(tumours())


def test_malignant_tumours_are_found_without_any_label(found: DeepOutcome):
    assert found.measured.scores["auroc"] > 0.9
    assert found.measured.scores["average_precision"] > 0.9


def test_levels_that_are_trained_together_reconstruct_better(found: DeepOutcome):
    before = trial(tumours(), trains=False)
    assert before.moved == [0, 0]
    assert min(found.moved) > 0
    error = before.measured.scores["reconstruction_error"]
    assert found.measured.scores["reconstruction_error"] < 0.8 * error


def test_the_same_seed_gives_the_same_scores(found: DeepOutcome):
    again = trial(tumours())
    np.testing.assert_array_equal(again.measured.predicted.values, found.measured.predicted.values)


def test_p_values_of_rows_that_trained_nothing_are_spread_evenly(found: DeepOutcome):
    p_values = batched(found.model, tumours().held_out)[:, 2]
    # Each is the share of itself and those above: 2/101, 3/101, ..., 1.
    np.testing.assert_allclose(np.sort(p_values), np.arange(2, 102) / 101, atol=0.02)


def test_the_unrolled_stack_codes_as_its_levels_do():
    autoencoders = random_autoencoders(STACK, 30, seed=1)
    deep = unrolled(STACK, autoencoders)
    activations = autoencoders[0].encoder(tumours().normal)
    np.testing.assert_allclose(
        np.asarray(deep.encoder(tumours().normal)),
        np.asarray(autoencoders[1].encode(activations)),
        rtol=1e-5,
    )


@pytest.mark.parametrize("images", [False, True])
def test_the_more_anomalies_are_known_the_more_are_found(images: bool):
    x, digit = load_digits(return_X_y=True)
    normal, eights = (rows.astype("float32") / 16 for rows in (x[digit != 8], x[digit == 8]))
    precision = {}
    for known in (0, 1, 20):
        rows = DetectionRows(
            normal=normal[:500],
            references=normal[:500],
            held_out=normal[500:700],
            known=eights[:known],
            validation=Labelled(normal[500:700], np.zeros(200, int)),
            test=Labelled(np.concatenate([normal[700:1200], eights[20:]]), np.arange(654) >= 500),
            columns=tuple(range(64)),
            column_count=64,
            images=images,
        )
        precision[known] = trial(rows).measured.scores["average_precision"]
    assert precision[0] + 0.1 < precision[1] < precision[20]


def test_images_have_a_detector_of_their_own(found: DeepOutcome):
    of_images = trial(tumours()._replace(images=True))
    assert type(of_images.model) is ImageDetector
    assert type(found.model) is Detector


@pytest.mark.parametrize("images", [False, True])
def test_a_detector_that_knows_anomalies_is_stored_whole(images: bool, tmp_path: Path):
    rows = tumours()._replace(images=images)
    malignant = rows.test.rows[rows.test.targets == 1]
    model = trial(rows._replace(known=malignant[:5])).model
    model.save(tmp_path / "detector.keras")
    again = keras.models.load_model(tmp_path / "detector.keras")
    np.testing.assert_array_equal(batched(again, malignant), batched(model, malignant))
    p_values = batched(model, rows.held_out)[:, 2]
    np.testing.assert_allclose(np.sort(p_values), np.arange(2, 102) / 101, atol=0.02)
