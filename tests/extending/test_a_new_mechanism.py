"""A sparsity mechanism is two files: added to a copy, pretrained, fine-tuned and exported."""

import json
from pathlib import Path

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
CONFIG = '''class AboveMeanLimit(Mechanism):
    """A hard limit that adapts to each row."""

    mechanism: Literal["above_mean"] = "above_mean"
    times: PositiveFloat = Field(1.5, description="Times the mean activation of the row.")

    @override
    def layer(self) -> "SparsityMechanism":
        from layers.sparsity.above_mean import AboveMean

        return AboveMean(self.times)


'''
RUN = """
import json
from pathlib import Path

import numpy as np
import tensorflow as tf

from flows.environment import set_environment

set_environment(verbose=False)
from pipeline.config.loading import load
from tests.pipeline.whole_runs import whole_run

level = "{units: 16, epochs: 2, passes_on: code, sparsity: {mechanism: above_mean, times: 1.2}}"
config = load("digits", settings=[
    f"stack=[{level}, {level}]",
    "finetune.arms=[pretrained, random]",
    "finetune.label_budgets=[50]",
    "finetune.seeds=1",
    "finetune.min_steps=10",
    "finetune.epochs=1",
    "finetune.encoder_rates=[1.0]",
])
whole = whole_run(config, Path.cwd())
signatures = tf.saved_model.load(str(whole.model)).signatures
rows = np.random.default_rng(0).uniform(0, 16, (20, 64))
code = signatures["encode"](rows=tf.constant(rows))["code"].numpy()
print(json.dumps({"layers": whole.summary["layers"], "active": float((code > 0).mean())}))
"""


def test_a_mechanism_is_two_files(tmp_path: Path):
    tree = Tree(tmp_path / "tree")
    tree.add("layers/sparsity/above_mean.py", LAYER)
    tree.insert("pipeline/config/sparsity.py", "Sparsity = Annotated", CONFIG)
    tree.insert("pipeline/config/sparsity.py", "NoSparsity | L1", "AboveMeanLimit | ")
    assert len(tree.touched) == 2
    work = tmp_path / "work"
    work.mkdir()
    found = json.loads(tree.run(RUN, work).splitlines()[-1])
    assert all(0 < level["active_fraction"] < 0.6 for level in found["layers"])
    assert 0 < found["active"] < 0.6  # the exported encoder limits its code too
