"""A/A: random weights against other random weights, trained for real, as the default config does.

That is: five seeds, a stack for each, three label budgets, Holm's correction.
"""

import json
import os
import subprocess
import sys
from math import sqrt
from pathlib import Path

import numpy as np
import pytest

from pipeline.config import loading as settings
from pipeline.config.untrained import untrained
from pipeline.data.prepared import prepare
from pipeline.data.trial_rows import trial_rows
from pipeline.evaluation.compare import Score, compare
from pipeline.seeds import derive
from pipeline.stages.plan import plan_of
from pipeline.training.finetuning.finetune import Finetuner
from pipeline.training.finetuning.network import random_autoencoders
from tests.pipeline.evaluation.measured import ARMS, as_scores

RUNS = 100
SEEDS = 40
"""Enough that runs of five drawn from them hardly repeat each other."""
DRAWS = 1000
ROOT = Path(__file__).parents[3]


def most_false(runs: int) -> float:
    """5 % of runs, and three standard deviations of what chance adds to that."""
    return runs * 0.05 + 3 * sqrt(runs * 0.05 * 0.95)


@pytest.mark.slow
def test_random_against_random_is_called_anything_no_more_often_than_chance_allows(
    tmp_path, capsys
):
    verdicts = []
    # A small network: a hundred runs are many.
    small = ["finetune.arms=[random]", "stack=[{units: 128}, {units: 64}]"]
    budgets = "finetune.label_budgets=[0.1, 0.3, all]"
    config = settings.load("digits", settings=[*small, budgets])
    network = untrained(config.stack, decoder=False)
    finetuner: Finetuner | None = None
    for run in range(RUNS):
        config = config.model_copy(update={"seed": run})
        data = prepare(config.data, config.task, run, tmp_path / str(run))
        if finetuner is None:
            training = config.finetune.training("network", 100)
            finetuner = Finetuner(training, network, 64, 10, data.task)
        scores = []
        for trial in plan_of(config, data).trials:
            subset = derive(run, "subset", trial.seed)
            parts = trial_rows(data, trial.labels, subset, all_unlabelled=False)
            for arm in ("pretrained", "random"):
                first_weights = random_autoencoders(
                    network, 64, derive(run, "weights", arm, trial.seed)
                )
                seed = derive(run, "trial", trial.seed)
                outcome = finetuner.run(first_weights, parts, seed, lambda _: None)
                stack = trial.seed if arm == "pretrained" else None
                scores.append(Score(arm, trial.labels, trial.seed, outcome.score, stack))
        rows = compare(scores)
        assert [row.stacks for row in rows] == [5, 5, 5]
        verdicts.append([row.verdict for row in rows])
    called = sum(set(run) != {"no evidence"} for run in verdicts)
    looks = [verdict for run in verdicts for verdict in run]
    with capsys.disabled():
        print(
            f"\nA/A, {RUNS} runs on digits: {called} called anything; of {len(looks)} looks "
            f"{looks.count('helps')} helps, {looks.count('hurts')} hurts"
        )
    assert called <= most_false(RUNS)


@pytest.mark.slow
def test_stacks_that_learned_nothing_gain_nothing_in_the_whole_program(tmp_path):
    """A stack that takes one step of no length is random weights: both arms are the same."""
    untrained = [
        f"stack.{level}.{setting}"
        for level in range(3)
        for setting in ("learning_rate=1e-12", "epochs=1", "min_steps=1")
    ]
    seeds = [f"finetune.seeds={SEEDS}", f"pretrain_seeds={SEEDS}"]
    run = [*seeds, "finetune.arms=[pretrained, random]", *untrained]
    options = [part for setting in run for part in ("--set", setting)]
    program = [
        sys.executable,
        "-m",
        "flows.cli",
        "run",
        "--data",
        "digits",
        "--summary",
        "found.json",
    ]
    environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
    environment["PYTHONPATH"] = str(ROOT)
    subprocess.run([*program, *options], cwd=tmp_path, env=environment, check=True)
    rows = json.loads((tmp_path / "found.json").read_text())["comparison"]
    assert [row["stacks"] for row in rows] == [SEEDS] * 3
    # Neither arm is favoured: forty seeds together would show a small advantage.
    assert all(row["gain"]["p_holm"] > 0.001 for row in rows)

    # Runs of five seeds, in which it is a coin's toss which arm is called pretrained.
    budgets = [row["labels"] for row in rows]
    scores = np.array([[row["arms"][arm]["accuracy"] for row in rows] for arm in ARMS])
    scores = scores.swapaxes(1, 2)
    rng = np.random.default_rng(0)
    called = 0
    for _ in range(DRAWS):
        drawn = scores[:, rng.permutation(SEEDS)[:5]]
        exchanged = rng.random((5, 1)) < 0.5
        drawn = np.where(exchanged, drawn[::-1], drawn)
        found = compare(as_scores(budgets, drawn))
        called += any(row.verdict != "no evidence" for row in found)
    assert called <= most_false(DRAWS)
