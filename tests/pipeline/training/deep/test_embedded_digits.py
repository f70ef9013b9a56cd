"""A trial of dimensionality reduction: images of digits in few dimensions."""

import numpy as np
import pytest

from layers.detection import batched
from pipeline.config.level import LevelConfig
from pipeline.config.sparsity import TopKLimit
from pipeline.config.task import EmbedTask, JointTraining
from pipeline.config.untrained import untrained
from pipeline.evaluation.reducers import fit_reducer
from pipeline.tasks import task_of
from pipeline.training.deep.embed import embed
from pipeline.training.deep.outcome import DeepOutcome
from pipeline.training.finetuning.network import random_autoencoders
from tests.pipeline.digit_rows import digits_to_embed

STACK = untrained(
    [LevelConfig(units=128, sparsity=TopKLimit(k=30)), LevelConfig(units=64)], decoder=True
)
DIMS = (4, 10, 20)


def trial(dims: int, prefixes: tuple[int, ...], trains: bool = True) -> DeepOutcome:
    task = task_of(
        EmbedTask(dims=dims, prefixes=prefixes, joint=JointTraining(epochs=60, min_steps=1000))
    )
    autoencoders = random_autoencoders(STACK, 64, seed=1)
    return embed(
        STACK, autoencoders, trains, digits_to_embed(), task, task.metric("neighbour_accuracy"),
        3, lambda _: None,
    )  # fmt: skip


@pytest.fixture(scope="module")
def nested() -> DeepOutcome:
    return trial(10, DIMS)


def test_digits_are_among_their_own_in_ten_dimensions(nested: DeepOutcome):
    assert nested.measured.scores["neighbour_accuracy"] > 0.9
    assert nested.measured.scores["trustworthiness"] > 0.95


@pytest.mark.parametrize("dims", DIMS)
def test_a_prefix_is_as_good_as_a_code_of_its_own(nested: DeepOutcome, dims: int):
    own = trial(dims, ()).measured.scores["neighbour_accuracy"]
    assert nested.measured.further[f"neighbour_accuracy_{dims}"] > own - 0.03


def test_more_dimensions_explain_more(nested: DeepOutcome):
    explained = [nested.measured.further[f"explained_variance_{dims}"] for dims in DIMS]
    assert sorted(explained) == explained
    assert nested.measured.scores["explained_variance"] == explained[1]


def test_the_first_units_of_the_code_are_the_fewer_dimensions(nested: DeepOutcome):
    assert batched(nested.model, digits_to_embed().test.rows).shape == (200, 20)


def test_levels_as_they_are_are_reduced_to_their_principal_components():
    rows = digits_to_embed().test.rows
    codes = batched(trial(10, (), trains=False).model, rows)
    covariance = np.cov(codes.T)
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 0.2 * covariance[0, 0]


def test_references_are_measured_in_the_same_numbers_of_dimensions():
    task = task_of(EmbedTask(dims=10, prefixes=DIMS))
    metric = task.metric("neighbour_accuracy")
    for name, least in {"components": 0.85, "svd": 0.85, "nmf": 0.7}.items():
        found = fit_reducer(name, digits_to_embed(), task, metric, 0)
        assert {f"explained_variance_{dims}" for dims in DIMS} <= set(found.further)
        assert found.scores["neighbour_accuracy"] > least
    whole = fit_reducer("as_given", digits_to_embed(), task, metric, 0)
    assert whole.scores["trustworthiness"] == 1
    assert whole.scores["explained_variance"] == 1
