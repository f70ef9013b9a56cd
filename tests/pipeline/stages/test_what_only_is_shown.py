"""What only report and export read of a task does not have anything trained again."""

from pathlib import Path

import pytest

from pipeline.config.data import DataConfig
from pipeline.config.task import AnomalyTask, EmbedTask, JointTraining, UnlabelledTask
from pipeline.data.prepared import prepare
from pipeline.stages.data import data_stage


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (EmbedTask(), EmbedTask(coloured_by="4")),
        (AnomalyTask(anomaly="9", false_alarms=0.1), AnomalyTask(anomaly="9", false_alarms=0.2)),
    ],
)
def test_the_data_stage_is_the_same(one: UnlabelledTask, other: UnlabelledTask, tmp_path: Path):
    config = DataConfig(label=())
    keys = [
        data_stage(config, 0, prepare(config, task, 0, tmp_path / str(n))).key
        for n, task in enumerate(
            (one, other, one.model_copy(update={"joint": JointTraining(epochs=3)}))
        )
    ]
    assert keys[0] == keys[1] != keys[2]
