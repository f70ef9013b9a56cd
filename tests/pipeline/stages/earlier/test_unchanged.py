"""Whether a run has anything new to run on."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.config.schema import RunConfig
from pipeline.data.prepared import prepare
from pipeline.stages.earlier.unchanged import unchanged
from tests.pipeline.whole_runs import Whole


def test_the_rows_and_config_of_the_last_run_are_a_reason_to_skip(digits_home: Whole):
    reason = unchanged(digits_home.config)
    assert reason == (
        "The rows of digits and the config are those of the last run, "
        f"{digits_home.called.run.run_id}."
    )


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"pretrain_seeds": 1}], ids=lambda change: next(iter(change))
)
def test_another_config_is_none(digits_home: Whole, change: dict[str, int]):
    assert unchanged(digits_home.config.model_copy(update=change)) is None


def test_other_rows_are_none(digits_home: Whole, digits, tmp_path: Path):
    rows, classes = digits
    np.savez(tmp_path / "digits.npz", x=rows[:1000], y=classes[:1000])
    other = digits_home.config.data.model_copy(update={"source": str(tmp_path / "digits.npz")})
    assert unchanged(digits_home.config.model_copy(update={"data": other})) is None


def test_an_experiment_without_a_run_has_all_to_do(uri: str, digits_config: RunConfig):
    assert unchanged(digits_config) is None


def test_rows_that_cannot_be_used_are_left_for_the_run_to_refuse(digits_home: Whole):
    missing = digits_home.config.data.model_copy(update={"source": "gone.npz"})
    assert unchanged(digits_home.config.model_copy(update={"data": missing})) is None


def test_the_run_that_follows_takes_over_what_was_read(digits_home: Whole, digits, tmp_path: Path):
    rows, classes = digits
    file = tmp_path / "digits.npz"
    np.savez(file, x=rows[:900], y=classes[:900])
    data = digits_home.config.data.model_copy(update={"source": str(file)})
    config = digits_home.config.model_copy(update={"data": data})
    assert unchanged(config) is None
    file.unlink()
    assert len(prepare(data, config.task, config.seed, tmp_path / "data").rows) == 900


def test_a_skipped_run_leaves_nothing_for_a_later_one_to_take_over(
    digits_home: Whole, tmp_path: Path
):
    """In one process: what a skip has read must not stand for the rows of the next night."""
    config = digits_home.config
    before = set(Path.cwd().glob(".layerwise-*"))
    assert unchanged(config)
    assert set(Path.cwd().glob(".layerwise-*")) <= before
    assert len(prepare(config.data, config.task, config.seed, tmp_path / "data").rows) == 1797
