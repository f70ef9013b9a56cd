"""Recipes against each other on the training rows of tables: some of them play the test rows.

Usage: python -m benchmarks.tables.search FOLDER [RECIPE ...]
"""

import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.tables.arms import interval
from benchmarks.tables.trials import (
    finetuner,
    for_search,
    opened,
    parts_of,
    perceptron,
    pretrained,
    split_anew,
    tables,
    untrained_levels,
)
from pipeline.config.data import DataConfig
from pipeline.config.loading import of_tables
from pipeline.config.schema import RunConfig
from pipeline.seeds import derive

RECIPES = Path(__file__).with_name("recipes.yaml")
LABELS = (50, 200)
SEEDS = 4
PLAYED = 0.25
"""Of the training rows, those that play the test rows."""


def main(folder: Path, names: list[str]) -> None:
    """Run these recipes, or all, on the tables with classes, and print a Markdown table."""
    recipes: dict[str, dict[str, Any]] = yaml.safe_load(RECIPES.read_text())
    budget = "random | pretrained | random - perceptron | pretrained - random |"
    print("| recipe | " + " ".join(f"{labels}: {budget}" for labels in LABELS))
    print("| - " + "| -: " * 4 * len(LABELS) + "|")
    sources = [opened(name) for name in tables(folder)]
    sources = [source for source in sources if source.task and source.task.has_classes]
    for name in names or recipes:
        cells = [cell for labels in LABELS for cell in measured(sources, recipes[name], labels)]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def measured(sources: list[Any], recipe: dict[str, Any], labels: int) -> list[str]:
    """Means of the arms over tables, and the differences between them."""
    config = changed(of_tables(), recipe)
    data = DataConfig(holdout="drawn", test=PLAYED, **recipe.get("data", {}))
    means: dict[str, list[float]] = defaultdict(list)
    for source in sources:
        scores: dict[str, list[float]] = defaultdict(list)
        for seed in range(SEEDS):
            table = split_anew(for_search(source), seed, data)
            if (parts := parts_of(table, labels, seed)) is None:
                continue
            trainer = finetuner(config, table)
            for arm, start in (("random", untrained_levels), ("pretrained", pretrained)):
                levels = start(config, table, seed)
                trial = trainer.run(levels, parts, derive(seed, "trial"), lambda _: None)
                scores[arm].append(100 * trial.score)
            scores["mlp"].append(100 * perceptron(table, parts, seed))
        for arm, found in scores.items():
            means[arm].append(float(np.mean(found)))
    random, ours, theirs = (np.array(means[arm]) for arm in ("random", "pretrained", "mlp"))
    both = [f"{random.mean():.1f}", f"{ours.mean():.1f}"]
    return [*both, interval(random - theirs), interval(ours - random)]


def changed(config: RunConfig, recipe: dict[str, Any]) -> RunConfig:
    """The config with what the recipe says of stack and fine-tuning."""
    tree = config.model_dump(mode="json")
    tree["stack"] = recipe.get("stack", tree["stack"])
    tree["finetune"] |= recipe.get("finetune", {})
    return RunConfig.model_validate(tree)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
