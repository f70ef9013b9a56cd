"""A trial of anomaly detection: benign tumours are normal, malignant ones are to be found."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from layers.detection import batched
from pipeline.config.level import LevelConfig
from pipeline.config.sparsity import TopKLimit
from pipeline.config.task import AnomalyTask, JointTraining
from pipeline.config.untrained import untrained
from pipeline.data.detection_rows import DetectionRows
from pipeline.data.trial_rows import Labelled
from pipeline.tasks import task_of
from pipeline.training.detection.detect import Detection, detect
from pipeline.training.detection.joint import unrolled
from pipeline.training.finetuning.network import random_autoencoders

STACK = untrained(
    [LevelConfig(units=32, sparsity=TopKLimit(k=8)), LevelConfig(units=16)], decoder=True
)
TASK = task_of(AnomalyTask())
JOINT = JointTraining(epochs=5, min_steps=100)


@pytest.fixture(scope="module")
def tumours() -> DetectionRows:
    rows, benign = load_breast_cancer(return_X_y=True)
    normal = rows[benign == 1]
    scaled = ((rows - normal.mean(axis=0)) / normal.std(axis=0)).astype("float32")
    normal, malignant = scaled[benign == 1], scaled[benign == 0]
    tested = np.concatenate([normal[300:], malignant])
    labels = np.repeat([0, 1], [len(normal) - 300, len(malignant)])
    return DetectionRows(
        normal=normal[:200],
        references=normal[:200],
        held_out=normal[200:300],
        validation=Labelled(normal[200:300], np.zeros(100, int)),
        test=Labelled(tested, labels),
    )


def trial(rows: DetectionRows, training: JointTraining | None) -> Detection:
    autoencoders = random_autoencoders(STACK, 30, seed=1)
    columns = (range(30), 30)
    return detect(
        STACK, autoencoders, training, rows, columns, TASK, TASK.metric("auroc"), seed=3,
        watch=lambda _: None,
    )  # fmt: skip


@pytest.fixture(scope="module")
def found(tumours: DetectionRows) -> Detection:
    return trial(tumours, JOINT)


def test_malignant_tumours_are_found_without_any_label(found: Detection):
    assert found.scores["auroc"] > 0.9
    assert found.scores["average_precision"] > 0.9


def test_levels_that_are_trained_together_reconstruct_better(
    found: Detection, tumours: DetectionRows
):
    before = trial(tumours, None)
    assert before.moved == [0, 0]
    assert min(found.moved) > 0
    assert found.scores["reconstruction_error"] < 0.8 * before.scores["reconstruction_error"]


def test_the_same_seed_gives_the_same_scores(found: Detection, tumours: DetectionRows):
    again = trial(tumours, JOINT)
    np.testing.assert_array_equal(again.predicted.values, found.predicted.values)


def test_p_values_of_rows_that_trained_nothing_are_spread_evenly(
    found: Detection, tumours: DetectionRows
):
    p_values = batched(found.detector, tumours.held_out)[:, 2]
    # Each is the share of itself and those above: 2/101, 3/101, ..., 1.
    np.testing.assert_allclose(np.sort(p_values), np.arange(2, 102) / 101, atol=0.02)


def test_the_unrolled_stack_codes_as_its_levels_do(tumours: DetectionRows):
    autoencoders = random_autoencoders(STACK, 30, seed=1)
    deep = unrolled(STACK, autoencoders)
    activations = autoencoders[0].encoder(tumours.normal)
    np.testing.assert_allclose(
        np.asarray(deep.encoder(tumours.normal)),
        np.asarray(autoencoders[1].encode(activations)),
        rtol=1e-5,
    )
