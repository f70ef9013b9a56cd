"""What denoised rows are judged by."""

import numpy as np
import pytest

from pipeline.config.task import DenoiseTask
from pipeline.tasks.denoise import Denoise
from pipeline.tasks.metric import Predicted

TASK = Denoise(DenoiseTask())


def measured(*rows: tuple[float, ...], weights: list[float] | None = None) -> Predicted:
    return Predicted(np.array(rows), None, None if weights is None else np.array(weights))


def scores(predicted: Predicted) -> dict[str, float]:
    return TASK.scores(np.zeros(len(predicted.values)), predicted)


def test_a_hundredth_of_the_power_is_twenty_decibels():
    assert scores(measured((1, 100, 30, 0.9)))["snr"] == pytest.approx(20)


def test_psnr_and_ssim_are_means_over_rows():
    found = scores(measured((1, 100, 30, 0.9), (1, 100, 20, 0.5)))
    assert (found["psnr"], found["ssim"]) == (25, pytest.approx(0.7))


def test_rows_that_were_not_measured_do_not_count():
    nothing = (np.nan,) * 4
    assert scores(measured((1, 100, 30, 0.9), nothing)) == scores(measured((1, 100, 30, 0.9)))


def test_rows_count_by_their_weight():
    found = scores(measured((1, 100, 30, 0.9), (1, 100, 20, 0.5), weights=[3, 1]))
    assert found["psnr"] == 27.5


def test_no_row_needs_a_label_and_all_are_tested():
    target = TASK.without_labels(3)
    assert TASK.labelled(target).all()
    assert TASK.pretrains(target).all()
    assert TASK.choose_metric(target).metric == "snr"
