"""A/A: random weights against other random weights on real digits, through the whole comparison."""

from math import sqrt

import pytest

from pipeline.config import loading as settings
from pipeline.data.prepared import prepare
from pipeline.evaluation.compare import Score, compare
from pipeline.seeds import derive
from pipeline.stages.trials import parts_of, trials_of
from pipeline.training.finetuning.finetune import Finetuner
from pipeline.training.finetuning.network import random_autoencoders

RUNS = 100


@pytest.mark.slow
def test_random_against_random_is_called_anything_no_more_often_than_chance_allows(
    tmp_path, capsys
):
    verdicts = []
    # A small network: a hundred runs are many.
    small = ["finetune.arms=[random]", "stack=[{units: 128}, {units: 64}]"]
    config = settings.load("digits", settings=small)
    finetuner = Finetuner(config.finetune, config.stack, 64, 10, "classification")
    for run in range(RUNS):
        config = config.model_copy(update={"seed": run})
        data = prepare(config.data, run, tmp_path / str(run))
        scores = []
        for trial in trials_of(config, data):
            parts = parts_of(config, data, trial)
            for arm in ("pretrained", "random"):
                first_weights = random_autoencoders(
                    config.stack, 64, derive(run, "weights", arm, trial.seed)
                )
                seed = derive(run, "trial", trial.seed)
                outcome = finetuner.run("random", first_weights, parts, seed, lambda _: None)
                scores.append(Score(arm, trial.labels, trial.seed, outcome.score))
        verdicts.append([row.verdict for row in compare(scores)])
    called = sum(set(run) != {"no evidence"} for run in verdicts)
    looks = [verdict for run in verdicts for verdict in run]
    with capsys.disabled():
        print(
            f"\nA/A, {RUNS} runs on digits: {called} called anything; of {len(looks)} looks "
            f"{looks.count('helps')} helps, {looks.count('hurts')} hurts"
        )
    # At most 5 % of runs, and three standard deviations of what chance adds to that.
    assert called <= RUNS * 0.05 + 3 * sqrt(RUNS * 0.05 * 0.95)
