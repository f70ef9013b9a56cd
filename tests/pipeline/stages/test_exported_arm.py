"""Whose network is exported: of the arm that is best on validation rows, or of the one named."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.config.arms import ARMS
from pipeline.config.loading import check
from pipeline.config.schema import RunConfig
from pipeline.stages.base import Outcome, perform
from pipeline.stages.plan import Plan, check_data
from tests.pipeline.whole_runs import call_stages

CONFIG: dict[str, Any] = {
    "name": "arms",
    "stack": [{"units": 16, "epochs": 2, "batch_size": 128}],
    "finetune": {
        "arms": list(ARMS),
        "label_budgets": [50, 100],
        "seeds": 2,
        "min_steps": 5,
        "epochs": 1,
        "checkpoints": 1,
        "encoder_rates": [1.0],
    },
}


def config(arm: str = "best", metric: str = "accuracy") -> RunConfig:
    finetune = CONFIG["finetune"] | {"metric": metric}
    return check(CONFIG | {"export": {"arm": arm}, "finetune": finetune})


@pytest.fixture
def plan_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    return lambda **changes: check_data(config(**changes))


def exported(plan: Plan, validation: dict[tuple[str, int], list[float]]) -> tuple[str, int, int]:
    """Arm, labels and seed of the export, given validation scores by arm and labels, seed by seed.

    All others are 0.
    """
    name = f"validation_{plan.metric}_kept"
    trials = []
    for trial in plan.trials:
        scores = validation.get((trial.arm, trial.labels), [0.0, 0.0])
        metrics = {name: scores[trial.seed]}
        trials.append((trial, Outcome(trial.name, trial.name, metrics, False)))
    stacks = [[Outcome("", str(stack), {}, False)] for stack in range(2)]
    trial = plan.export(stacks, trials).trial
    return trial.arm, trial.labels, trial.seed


def test_the_arm_that_is_best_on_average_wins_with_its_best_seed(plan_with):
    scores = {("pretrained", 100): [0.95, 0.80], ("frozen", 100): [0.88, 0.90]}
    assert exported(plan_with(), scores) == ("frozen", 100, 1)


def test_fewer_labels_do_not_count(plan_with):
    scores = {("frozen", 50): [0.99, 0.99], ("random", 100): [0.6, 0.5]}
    assert exported(plan_with(), scores) == ("random", 100, 0)


def test_of_equal_arms_the_first_is_taken(plan_with):
    scores = {(arm, 100): [0.9, 0.9] for arm in ARMS}
    assert exported(plan_with(), scores) == ("pretrained", 100, 0)


def test_of_a_loss_the_least_is_the_best(plan_with):
    scores = {(arm, 100): [0.9, 0.8] for arm in ARMS} | {("random", 100): [0.7, 0.6]}
    assert exported(plan_with(metric="log_loss"), scores) == ("random", 100, 1)


def test_the_arm_that_the_config_names_is_taken_whatever_its_score(plan_with):
    scores = {("pretrained", 100): [0.9, 0.9], ("random", 100): [0.1, 0.2]}
    assert exported(plan_with(arm="random"), scores) == ("random", 100, 1)


def test_an_arm_that_is_not_trained_cannot_be_exported():
    finetune = CONFIG["finetune"] | {"arms": ["pretrained", "random"]}
    with pytest.raises(ValueError, match=r"export.arm must be one of finetune.arms, or best"):
        check(CONFIG | {"finetune": finetune, "export": {"arm": "frozen"}})


@pytest.mark.slow
def test_every_arm_can_be_exported(at_home, tmp_path: Path, monkeypatch):
    at_home(tmp_path, monkeypatch)
    called = call_stages(config())
    for arm in ARMS:
        plan = Plan(**{**vars(called.plan), "config": config(arm)})
        done = perform(plan.export(called.stacks, called.trials), called.context)  # it verifies
        tags = called.context.tracker.run(done.run_id).tags
        assert (tags["arm"], tags["labels"]) == (arm, "100")
