"""The paired comparison of a run, on rows in memory: every arm, label budget and seed."""

from collections.abc import Sequence

import pandas as pd

from layers import SparseAutoencoder
from pipeline.config.arms import ARMS, CANDIDATE, CONTROL
from pipeline.config.schema import RunConfig
from pipeline.data.training_data import TrainingData
from pipeline.data.trial_rows import trial_rows
from pipeline.data.trials import check_task, compared_by, label_counts, usual_references
from pipeline.estimators.learning import pretrained_levels, trial_of_arm
from pipeline.estimators.progress import Telling
from pipeline.evaluation.compare import Comparison, Score, compare
from pipeline.evaluation.references import fit_reference
from pipeline.evaluation.resplit import Resplit
from pipeline.seeds import trial_seeds
from pipeline.tasks.metric import Metric


def comparison(config: RunConfig, splits: Sequence[TrainingData], telling: Telling) -> pd.DataFrame:
    """A row for each label budget and each arm or model that `pretrained` is compared with.

    `splits` are the rows as they are split once, or for each seed. Raises `InputError` where the
    rows do not allow what is configured, and `DivergedError`.
    """
    data, *_ = splits
    check_task(config.finetune, data)
    metric = compared_by(config.finetune, data)
    counts = label_counts(config.finetune, splits)
    trials = [*config.finetune.trials(counts, usual_references(config.finetune, data))]
    stacks: dict[int, list[SparseAutoencoder]] = {}
    scores = []
    for arm, labels, seed in trials:
        rows = splits[seed % len(splits)]
        starts = arm in ARMS and ARMS[arm].weights == "stack"
        stack = seed % config.stacks
        if starts and stack not in stacks:
            levels = pretrained_levels(
                config, rows.rows, rows.splits, rows.preprocessing, stack, telling
            )
            stacks[stack] = [level.autoencoder for level in levels]
        score = _score(config, rows, arm, labels, seed, metric, stacks.get(stack, []), telling)
        scores.append(
            Score(
                arm,
                labels,
                seed,
                score,
                stack if starts else None,
                less_is_better=metric.less_is_better,
            )
        )
    budgets = compare(scores, resplit=_sizes(data) if config.data.resplit else None)
    frame = pd.DataFrame([entry for row in budgets for entry in _entries(row)])
    frame.attrs["metric"] = metric.name
    return frame


def _score(
    config: RunConfig,
    data: TrainingData,
    arm: str,
    labels: int,
    seed: int,
    metric: Metric,
    autoencoders: Sequence[SparseAutoencoder],
    telling: Telling,
) -> float:
    if arm in ARMS:
        trial, _ = trial_of_arm(config, data, arm, labels, seed, metric.name, autoencoders, telling)
        return trial.score
    seeds = trial_seeds(config.seed, seed)
    parts = trial_rows(data, labels, seeds.subset, all_unlabelled=False)
    weights = config.finetune.class_weights
    return fit_reference(arm, parts, data.task, seeds.reference, metric, weights).score


def _entries(row: Comparison) -> list[dict[str, object]]:
    if CANDIDATE not in row.arms:
        return []
    ours = row.arms[CANDIDATE]
    gains = {**({CONTROL: row.gain} if row.gain else {}), **row.against}
    return [
        {
            "labels": row.labels,
            "against": arm,
            "pretrained": ours.mean,
            "pretrained_std": ours.std,
            "other": row.arms[arm].mean,
            "other_std": row.arms[arm].std,
            "gain": gain.mean,
            "low": gain.interval[0] if gain.interval else None,
            "high": gain.interval[1] if gain.interval else None,
            "p": row.p_holm if arm == CONTROL else gain.p,
            "verdict": row.verdict if arm == CONTROL else None,
        }
        for arm, gain in gains.items()
    ]


def _sizes(data: TrainingData) -> Resplit:
    test, train, validation = (
        len(part) for part in (data.splits.test, data.splits.train, data.splits.validation)
    )
    return Resplit(test, train, test + train + validation)
