"""A trial of denoising: images of digits, of which noise is taken off."""

import numpy as np
import pytest

from pipeline.config.corruption import GaussianNoise
from pipeline.config.level import LevelConfig
from pipeline.config.task import DenoiseTask, JointTraining
from pipeline.config.untrained import untrained
from pipeline.evaluation.denoisers import fit_denoiser
from pipeline.tasks import task_of
from pipeline.training.deep.denoise import denoise
from pipeline.training.deep.outcome import DeepOutcome
from pipeline.training.finetuning.network import random_autoencoders
from tests.pipeline.digit_rows import DEVIATION, noisy_digits

STACK = untrained([LevelConfig(units=128), LevelConfig(units=64)], decoder=True)
TASK = task_of(DenoiseTask(noise=GaussianNoise(stddev=DEVIATION), joint=JointTraining(epochs=40)))
METRIC = TASK.metric("snr")


def trial(trains: bool = True) -> DeepOutcome:
    autoencoders = random_autoencoders(STACK, 64, seed=1)
    return denoise(STACK, autoencoders, trains, noisy_digits(), TASK, METRIC, 3, lambda _: None)


@pytest.fixture(scope="module")
def found() -> DeepOutcome:
    return trial()


def reference(name: str) -> dict[str, float]:
    return fit_denoiser(name, noisy_digits(), TASK, METRIC, 0).scores


def test_rows_come_nearer_to_what_they_were_than_by_any_filter(found: DeepOutcome):
    given = found.measured.scores["snr"]
    others = {name: reference(name)["snr"] for name in ("median", "nonlocal_means", "components")}
    assert given > max(others.values()) > reference("as_given")["snr"]


def test_noise_of_a_known_deviation_has_the_ratio_that_follows_from_it():
    parts = noisy_digits()
    power = np.square(parts.test.clean.rows - parts.train.mean(axis=0)).sum(axis=1).mean()
    expected = 10 * np.log10(power / (64 * DEVIATION**2))
    found = reference("as_given")
    assert found["snr"] == pytest.approx(expected, abs=0.1)
    assert found["psnr"] == pytest.approx(-20 * np.log10(DEVIATION), abs=0.1)


def test_the_best_number_of_components_is_chosen_on_validation_rows():
    parts = noisy_digits()
    _, vectors = np.linalg.eigh(np.cov(parts.train.T))
    mean = parts.train.mean(axis=0)

    def snr(number: int) -> float:
        kept = vectors[:, -number:]
        given = (parts.test.noisy - mean) @ kept @ kept.T + mean
        error = np.square(given - parts.test.clean.rows).sum()
        return float(10 * np.log10(np.square(parts.test.clean.rows - mean).sum() / error))

    assert reference("components")["snr"] == pytest.approx(max(map(snr, (5, 10, 20, 50))), abs=0.1)


def test_the_same_seed_gives_the_same_rows(found: DeepOutcome):
    again = trial().measured.predicted.values
    np.testing.assert_array_equal(again, found.measured.predicted.values)


def test_untrained_levels_stay_as_they_are():
    assert trial(trains=False).moved == [0, 0]
