"""An estimator has the network that a run trains: pretrained, on all labels, with seed 0."""

from pathlib import Path

import keras
import numpy as np
import pytest
import yaml

from layerwise import StackedClassifier, StackedEncoder
from pipeline.config.loading import check, load
from pipeline.estimators.outputs import network_outputs
from pipeline.stages.base import perform
from pipeline.stages.codes import stored_autoencoder
from pipeline.tracking.models import NETWORK, stored_model
from tests.pipeline.estimators.quick import FINETUNE
from tests.pipeline.whole_runs import begin

LEVELS = [
    {"units": 24, "epochs": 2, "corruption": {"kind": "masking", "share": 0.2},
     "sparsity": {"mechanism": "topk", "k": 8}},
    {"units": 12, "epochs": 2},
]  # fmt: skip


@pytest.fixture
def trained_by_a_run(uri, tmp_path: Path):
    """What the stages store of the config in a YAML file: the autoencoders and the network."""

    def train(text: str, arm: str = "pretrained"):
        file = tmp_path / "run.yaml"
        file.write_text(text)
        context, plan = begin(load(str(file)))
        levels = []
        for number in range(1, len(plan.config.stack) + 1):
            levels.append(perform(plan.level(0, number, levels), context))
        most = max(trial.labels for trial in plan.trials)
        (trial,) = [
            trial
            for trial in plan.trials
            if trial.arm == arm and trial.seed == 0 and trial.labels == most
        ]
        done = perform(plan.trial(trial, [levels]), context)
        autoencoders = [stored_autoencoder(context, level) for level in levels]
        return autoencoders, stored_model(context.tracker, done.run_id, NETWORK), done.metrics

    return train


def assert_same_levels(model: StackedClassifier | StackedEncoder, autoencoders) -> None:
    for ours, theirs in zip(model.model_.autoencoders, autoencoders, strict=True):
        for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


def assert_same(model: StackedClassifier, autoencoders, network, metrics) -> None:
    assert_same_levels(model, autoencoders)
    pairs = zip(model.model_.network.get_weights(), network.get_weights(), strict=True)
    for one, other in pairs:
        np.testing.assert_array_equal(one, other)
    assert model.scores_ == {name: metrics[name] for name in model.scores_}


def test_of_an_array(digits, tmp_path: Path, trained_by_a_run):
    rows, classes = digits
    np.savez(tmp_path / "digits.npz", x=rows, y=classes)
    model = StackedClassifier(stack=LEVELS, finetune=FINETUNE, random_state=3).fit(rows, classes)
    assert_same(model, *trained_by_a_run(model.config(str(tmp_path / "digits.npz"))))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_of_a_frame(flowers, tmp_path: Path, trained_by_a_run, suffix: str):
    file = tmp_path / f"flowers{suffix}"
    flowers.to_csv(file, index=False) if suffix == ".csv" else flowers.to_parquet(file)
    rows, species = flowers.drop(columns="species"), flowers["species"]
    model = StackedClassifier(finetune={"min_steps": 40, "epochs": 3}, stack=LEVELS)
    model.fit(rows, species)
    assert_same(model, *trained_by_a_run(model.config(str(file))))


def test_weights_are_a_column_of_the_file(flowers, tmp_path: Path, trained_by_a_run):
    rows, species = flowers.drop(columns="species"), flowers["species"]
    weights = 1.0 + np.arange(len(rows)) % 3
    file = tmp_path / "flowers.parquet"
    flowers.assign(sample_weight=weights).to_parquet(file)
    model = StackedClassifier(finetune=FINETUNE, stack=LEVELS)
    model.fit(rows, species, sample_weight=weights)
    assert_same(model, *trained_by_a_run(model.config(str(file))))


def test_codes_are_of_the_levels_that_a_run_pretrains(flowers, tmp_path: Path, trained_by_a_run):
    rows = flowers.drop(columns="species")
    rows.to_csv(tmp_path / "flowers.csv", index=False)
    model = StackedEncoder(stack=LEVELS, random_state=3).fit(rows)
    levels, network, _ = trained_by_a_run(model.config(str(tmp_path / "flowers.csv")), arm="frozen")
    assert_same_levels(model, levels)
    *pretrained, _ = network.encoder.layers  # the last one takes their code to few dimensions
    code = network_outputs(keras.Sequential(pretrained), model._features(rows))
    np.testing.assert_array_equal(model.transform(rows), code)


def test_the_recipe_is_that_of_the_rows():
    model = StackedClassifier()
    of_arrays, of_tables = (
        check(yaml.safe_load(model.config(name))) for name in ("x.npz", "x.csv")
    )
    assert [level.units for level in of_arrays.stack] == [512, 512, 256]
    assert [level.units for level in of_tables.stack] == [256]
