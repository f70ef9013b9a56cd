"""What is said of a plan before anything is trained."""

from pathlib import Path

import pytest

from pipeline.config.data import DataConfig
from pipeline.config.schema import RunConfig
from pipeline.config.task import AnomalyTask
from pipeline.data.prepared import prepare
from pipeline.stages.plan_notes import plan_notes


@pytest.mark.parametrize(("rate", "noted"), [(0.001, True), (0.05, False)])
def test_a_rate_of_false_alarms_that_no_row_can_reach_is_told(
    tmp_path: Path, rate: float, noted: bool
):
    task = AnomalyTask(anomaly="8", false_alarms=rate)
    data = prepare(DataConfig(), task, 0, tmp_path / "data")
    notes = plan_notes(RunConfig(task=task), data, [0])
    said = [note for note in notes if "task.false_alarms: 0.001" in note]
    assert bool(said) == noted
    if noted:
        least = 1 / (len(data.splits.pretrain_validation) + 1)
        assert f"a rate of {least:.2g} at least" in said[0]
