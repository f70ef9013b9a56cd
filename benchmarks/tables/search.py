"""Recipes against the preset on the training rows of tables: some of them play the test rows.

Usage: python -m benchmarks.tables.search FOLDER [RECIPE ...]

Each figure is kept in `build/table-search.jsonl`: what is there is not computed again.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from benchmarks.running import BUILD
from benchmarks.tables.arms import interval
from benchmarks.tables.trials import (
    Table,
    finetuner,
    for_search,
    of_each_table,
    opened,
    parts_of,
    pretrained,
    split_anew,
    untrained_levels,
)
from pipeline.config.data import DataConfig
from pipeline.config.loading import of_tables
from pipeline.config.recipe import not_otherwise
from pipeline.config.schema import RunConfig
from pipeline.seeds import derive

KEPT = BUILD / "table-search.jsonl"
RECIPES = Path(__file__).with_name("recipes.yaml")
PRESET = "the preset"
LABELS: tuple[int | str, ...] = (50, 200, "all")
SEEDS = 3
PLAYED = 0.25
"""Of the training rows, those that play the test rows."""
STARTS = {"random": untrained_levels, "pretrained": pretrained}
KINDS = {"classification": "classes", "regression": "numbers"}


class Row(NamedTuple):
    """One trial."""

    table: str
    kind: str
    recipe: str
    labels: str
    seed: int
    arm: str
    score: float
    """On the rows that play the test rows: accuracy, or R squared."""


def main(folder: Path, names: list[str]) -> None:
    """Measure what is missing of these recipes, or of all, and print Markdown."""
    BUILD.mkdir(exist_ok=True)
    recipes = yaml.safe_load(RECIPES.read_text())
    chosen = {name: recipes[name] for name in (*([PRESET] if names else ()), *(names or recipes))}
    done = {row[:-1] for row in read_kept()}
    of_each_table(folder, measure, chosen, done)
    show([row for row in read_kept() if row.recipe in chosen])


def measure(name: str, recipes: dict[str, Any], done: set[tuple[Any, ...]]) -> None:
    """Keep the scores of a table that are not there yet."""
    source, short = for_search(opened(name)), Path(name).name
    assert source.task
    for seed in range(SEEDS):
        for called, recipe in recipes.items():
            wanted = [
                (labels, arm)
                for labels in LABELS
                for arm in STARTS
                if (short, source.task.kind, called, str(labels), seed, arm) not in done
            ]
            data = DataConfig(holdout="drawn", test=PLAYED, **recipe.get("data", {}))
            for labels, arm, score in scores(split_anew(source, seed, data), recipe, wanted, seed):
                row = Row(short, source.task.kind, called, str(labels), seed, arm, score)
                with KEPT.open("a") as kept:
                    kept.write(json.dumps(row._asdict()) + "\n")


def scores(
    table: Table, recipe: dict[str, Any], wanted: list[tuple[int | str, str]], seed: int
) -> Iterator[tuple[int | str, str, float]]:
    """Of each label budget and arm, where there are so many labels."""
    config = changed(of_tables(), recipe)
    made: dict[Any, Any] = {}
    for labels, arm in wanted:
        if (parts := parts_of(table, labels, seed)) is None:
            continue
        trainer = finetuner(config, table, len(parts.train.rows), made)
        levels = STARTS[arm](config, table, seed)
        yield labels, arm, trainer.run(levels, parts, derive(seed, "trial"), lambda _: None).score


def changed(config: RunConfig, recipe: dict[str, Any]) -> RunConfig:
    """The config with what the recipe says of stack and fine-tuning."""
    tree = config.model_dump(mode="json")
    tree["stack"] = recipe.get("stack", tree["stack"])
    given = recipe.get("finetune", {})
    tree["finetune"] = not_otherwise({**tree["finetune"], **given}, given)
    return RunConfig.model_validate(tree)


def read_kept() -> list[Row]:
    """Every figure that there is."""
    lines = KEPT.read_text().splitlines() if KEPT.exists() else []
    return [Row(**json.loads(line)) for line in lines]


def show(rows: list[Row]) -> None:
    """Print for each kind of target how recipes differ from the preset, over tables."""
    for kind, words in KINDS.items():
        found: dict[tuple[str, str, str], dict[tuple[str, int], float]] = defaultdict(dict)
        for row in rows:
            if row.kind == kind:
                found[row.recipe, row.labels, row.arm][row.table, row.seed] = 100 * row.score
        columns = [(str(labels), arm) for labels in LABELS for arm in STARTS]
        print(f"\n| {words} | " + " | ".join(f"{labels}: {arm}" for labels, arm in columns) + " |")
        print("| - " + "| -: " * len(columns) + "|")
        for recipe in dict.fromkeys(row.recipe for row in rows):
            cells = []
            for column in columns:
                preset = found[(PRESET, *column)]
                cells.append(
                    f"{by_table(preset).mean():.1f}"
                    if recipe == PRESET
                    else interval(by_table(found[(recipe, *column)], preset))
                )
            print(f"| {recipe} | {' | '.join(cells)} |")


def by_table(
    scores: dict[tuple[str, int], float], preset: dict[tuple[str, int], float] | None = None
) -> np.ndarray:
    """The mean of each table over its seeds, less the preset's where it is given."""
    means: dict[str, list[float]] = defaultdict(list)
    for (table, seed), score in scores.items():
        means[table].append(score - preset[table, seed] if preset else score)
    return np.array([np.mean(of_table) for of_table in means.values()])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
