"""A mechanism, a task and a figure are two files each, an arm one line: added and run."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sklearn.datasets import load_diabetes

from tests.extending.tree import Tree

LAYER = '''
"""Codes of what exceeds the mean of their row."""

import keras
from keras import ops

from layers.sparsity.mechanism import SparsityMechanism


@keras.saving.register_keras_serializable(package="layerwise")
class AboveMean(SparsityMechanism):
    """Keep the activations above `times` the mean of the row, zero the rest."""

    hard_limit = True

    def __init__(self, times: float, **kwargs):
        super().__init__(**kwargs)
        self.times = times

    def fixed(self, activations, search):
        least = self.times * ops.mean(activations, axis=-1, keepdims=True)
        return ops.where(activations > least, activations, 0.0)

    def get_config(self):
        return {**super().get_config(), "times": self.times}
'''
LIMIT = '''class AboveMeanLimit(Mechanism):
    """A hard limit that adapts to each row."""

    mechanism: Literal["above_mean"] = "above_mean"
    times: PositiveFloat = Field(1.5, description="Times the mean activation of the row.")

    @override
    def layer(self) -> "SparsityMechanism":
        from layers.sparsity.above_mean import AboveMean

        return AboveMean(self.times)


'''
TASK = '''
"""A number, near which half of the loss is the distance."""

import tensorflow as tf

from pipeline.tasks.metric import Metric
from pipeline.tasks.regression import Regression


def nearness(true, predicted):
    return 1 / (1 + float(abs(true - predicted.values).mean()))


class Distance(Regression):
    metrics = (Metric("nearness", "nearness", "Nearness", False, nearness), *Regression.metrics)

    def losses(self, targets, outputs):
        return tf.abs(targets - outputs[:, 0])
'''
SECTION = '''class DistanceTask(TaskSection):
    """The target is a number, scored by how near predictions are."""

    carried_out_by: ClassVar[str] = "pipeline.tasks.distance.Distance"
    kind: Literal["distance"] = "distance"


'''
ARM = '        Arm("longer", "stack", "network", True, "tab:brown", "trains longer"),\n'
FIGURE = '''def seeds(comparison: Sequence[Mapping[str, Any]]) -> Figure:
    """How many label budgets there are."""
    figure, axes = _figure(1.0)
    axes.bar([0], [len(comparison)])
    return figure


'''
SHOWN = """    sections.append(Section("toy", "A toy figure", "", "", png(figures.seeds(rows))))
"""
RUN = """
import json
from pathlib import Path

from flows.environment import set_environment

set_environment(verbose=False)
from pipeline.config.loading import load
from pipeline.data.sources.read import read_rows
from pipeline.export.inference import infer, model_columns
from pipeline.stages.summary import read_report
from pipeline.tracking.find import find_run
from tests.pipeline.whole_runs import whole_run

level = "{units: 8, epochs: 2, passes_on: code, sparsity: {mechanism: above_mean, times: 1.2}}"
config = load(None, "diabetes.csv", "target", [
    "task.kind=distance",
    f"stack=[{level}, {level}]",
    "finetune.arms=[pretrained, random, longer]",
    "finetune.references=[]",
    "finetune.label_budgets=[60]",
    "finetune.seeds=1",
    "finetune.min_steps=10",
    "finetune.epochs=1",
    "finetune.encoder_rates=[1.0]",
])
whole = whole_run(config, Path.cwd())
report = read_report(*find_run(whole.called.run.run_id))
rows = read_rows("diabetes.csv", model_columns(whole.model))
code = infer(whole.model, "encode", rows.numbers, rows.categories).to_numpy()
active = float((code > 0).mean())
shown = "A toy figure" in report
print(json.dumps({"summary": whole.summary, "active": active, "shown": shown}))
"""


class Extended(NamedTuple):
    """What was touched for each addition, and what a run with all of them gave."""

    touched: dict[str, set[str]]
    result: dict[str, Any]


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Extended:
    tree = Tree(tmp_path_factory.mktemp("tree"))
    touched: dict[str, set[str]] = {}

    def since(name: str) -> None:
        touched[name], tree.touched = tree.touched, set()

    tree.add("layers/sparsity/above_mean.py", LAYER)
    tree.insert("pipeline/config/sparsity.py", "Sparsity = Annotated", LIMIT)
    tree.insert("pipeline/config/sparsity.py", "NoSparsity | L1", "AboveMeanLimit | ")
    since("mechanism")
    tree.add("pipeline/tasks/distance.py", TASK)
    tree.insert("pipeline/config/task.py", "Decided = Annotated", SECTION)
    tree.insert("pipeline/config/task.py", "ClassificationTask | ", "DistanceTask | ")
    since("task")
    tree.insert("pipeline/config/arms.py", '        Arm("frozen"', ARM)
    since("arm")
    tree.insert("pipeline/report/figures.py", "def density(", FIGURE)
    tree.insert("pipeline/report/page.py", "    if trials.confusion:", SHOWN)
    since("figure")
    work = tmp_path_factory.mktemp("work")
    load_diabetes(as_frame=True).frame.to_csv(work / "diabetes.csv", index=False)
    return Extended(touched, json.loads(tree.run(RUN, work).splitlines()[-1]))


def test_a_mechanism_is_two_files(extended: Extended):
    assert len(extended.touched["mechanism"]) == 2
    layers = extended.result["summary"]["layers"]
    assert all(0 < level["active_fraction"] < 0.6 for level in layers)
    assert 0 < extended.result["active"] < 0.6  # the exported encoder limits its code too


def test_a_task_is_two_files(extended: Extended):
    assert len(extended.touched["task"]) == 2
    summary = extended.result["summary"]
    assert summary["metric"] == "nearness"
    (row,) = summary["comparison"]
    assert all(0 < score < 1 for score in row["arms"]["pretrained"]["nearness"])
    assert Path(summary["export"]["path"], "saved_model.pb").exists()


def test_an_arm_is_one_line_in_one_file(extended: Extended):
    assert extended.touched["arm"] == {"pipeline/config/arms.py"}
    assert ARM.count("\n") == 1
    (row,) = extended.result["summary"]["comparison"]
    assert set(row["against"]) == {"longer"}


def test_a_figure_is_two_files(extended: Extended):
    assert len(extended.touched["figure"]) == 2
    assert extended.result["shown"]
