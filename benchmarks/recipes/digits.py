"""Ways of fine-tuning against each other on the training rows of digits: some play the test rows.

Usage: python -m benchmarks.recipes.digits [NAME ...]

The names are those of `recipes.yaml` that change fine-tuning alone. Three seeds, each with a stack
of its own; a quarter of the training rows, drawn by the seed, play the test rows.
"""

import json
import sys
from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
import yaml

from benchmarks.recipes.search import HERE
from benchmarks.tables.trials import (
    Table,
    finetuner,
    for_search,
    parts_of,
    pretrained,
    split_anew,
    untrained_levels,
)
from pipeline.config.data import DataConfig
from pipeline.config.loading import load
from pipeline.config.schema import RunConfig
from pipeline.config.task import AutoTask
from pipeline.data.source import Source
from pipeline.data.sources.read import read
from pipeline.data.splits import split
from pipeline.data.target import with_target
from pipeline.seeds import derive

PLAYED = 0.25
LABELS = (20, 50, 200)
SEEDS = 3
ARMS = ("pretrained", "random")


def main(names: list[str]) -> None:
    """Measure the preset and these recipes, or all, and print a Markdown table."""
    recipes: dict[str, dict[str, Any]] = yaml.safe_load((HERE / "recipes.yaml").read_text())
    of_finetuning = {
        name: recipe
        for name, recipe in recipes.items()
        if all(key.startswith("finetune.") for key in recipe)
    }
    configs = {
        name: load("digits", settings=[f"{k}={json.dumps(v)}" for k, v in recipe.items()])
        for name, recipe in of_finetuning.items()
        if not names or name in names or not recipe
    }
    columns = [(labels, arm) for labels in LABELS for arm in ARMS]
    found = measured(configs)
    print("| recipe | " + " | ".join(f"{labels}: {arm}" for labels, arm in columns) + " |")
    print("| - " + "| -: " * len(columns) + "|")
    for name in configs:
        scores = (f"{100 * np.mean(found[name, *column]):.1f}" for column in columns)
        print(f"| {name} | " + " | ".join(scores) + " |")


def training_rows() -> Source:
    """Digits without the rows that a run of the preset tests on."""
    config = load("digits")
    source = with_target(read(config.data), AutoTask(), config.data)
    tested = np.zeros(source.rows, bool)
    tested[split(source, config.data, derive(config.seed, "split")).parts.test] = True
    return for_search(replace(source, test=tested))


def measured(configs: dict[str, RunConfig]) -> dict[tuple[str, int, str], list[float]]:
    """Accuracies of each recipe, number of labels and arm, one for each seed."""
    source = training_rows()
    found: dict[tuple[str, int, str], list[float]] = defaultdict(list)
    for seed in range(SEEDS):
        table: Table = split_anew(source, seed, DataConfig(holdout="drawn", test=PLAYED))
        made: dict[Any, Any] = {}
        stack = pretrained(next(iter(configs.values())), table, seed)
        for name, recipe in configs.items():
            for arm in ARMS:
                levels = stack if arm == "pretrained" else untrained_levels(recipe, table, seed)
                for labels in LABELS:
                    parts = parts_of(table, labels, seed)
                    assert parts
                    trainer = finetuner(recipe, table, labels, made)
                    trial = trainer.run(levels, parts, derive(seed, "trial"), lambda _: None)
                    found[name, labels, arm].append(trial.score)
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
