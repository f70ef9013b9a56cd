"""Recipes against each other on Fashion-MNIST's training rows: 10,000 of them play the test rows.

Every recipe of `recipes.yaml` is a run of the whole pipeline in a store of its own under `build/`;
what one recipe shares with another is computed once. The real test rows are not read.

Usage: python -m benchmarks.recipes.search [NAME ...]
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.running import BUILD, layerwise_run
from pipeline.data.sources.builtin import read_builtin

HERE = Path(__file__).parent
WORK = BUILD / "recipes"
PLAYED_TEST_ROWS = 10_000
COMMON = [
    f"data.test={PLAYED_TEST_ROWS}",
    "pretrain_seeds=1",
    "finetune.label_budgets=[100, 1000]",
    "finetune.seeds=5",
]
# One value for each level; what else a recipe names is a setting of the whole run.
PRESET = {
    "units": [512, 512, 256],
    "k": [120, 120, 60],
    "masking": [0.5, 0.3, 0.3],
    "epochs": [60, 60, 60],
    "others": [{}, {}, {}],
}


def main(names: list[str]) -> None:
    """Run the recipes of these names, or all, and print a Markdown table."""
    recipes: dict[str, dict[str, Any]] = yaml.safe_load((HERE / "recipes.yaml").read_text())
    rows = training_rows()
    budget = "pretrained | random | gain | frozen |"
    print(f"| recipe | pretraining, s | 100: {budget} 1,000: {budget}")
    print("| - " + "| -: " * 9 + "|")
    for name in names or recipes:
        print(f"| {name} | " + " | ".join(measured(rows, recipes[name])) + " |", flush=True)


def training_rows() -> Path:
    """The training part of Fashion-MNIST as a file."""
    file = WORK / "train.npz"
    if not file.exists():
        WORK.mkdir(parents=True, exist_ok=True)
        data = read_builtin("fashion_mnist")
        np.savez(file, x=data.x[~data.test], y=data.y[~data.test])
    return file


def settings_of(recipe: dict[str, Any]) -> list[str]:
    """What a recipe sets: its stack, and what it says of the whole run."""
    values = PRESET | {name: value for name, value in recipe.items() if name in PRESET}
    stack = [
        {
            "units": units,
            "sparsity": {"mechanism": "topk", "k": k} if k else {"mechanism": "none"},
            "corruption": {"kind": "masking", "share": share} if share else {"kind": "none"},
            "revive": False,
            "epochs": epochs,
            **others,
        }
        for units, k, share, epochs, others in zip(*(values[name] for name in PRESET), strict=True)
    ]
    of_the_run = {name: value for name, value in recipe.items() if name not in PRESET}
    return [
        f"{name}={json.dumps(value)}" for name, value in ({"stack": stack} | of_the_run).items()
    ]


def measured(rows: Path, recipe: dict[str, Any]) -> list[str]:
    """Run one recipe: seconds of pretraining, then scores and gains for each label budget."""
    options = [part for setting in (*COMMON, *settings_of(recipe)) for part in ("--set", setting)]
    found = layerwise_run("recipes", "fashion-mnist", "--data", rows, *options)
    cells = [f"{sum(layer['seconds'] for layer in found['layers']):.0f}"]
    for row in found["comparison"]:
        gain, (low, high) = row["gain"]["mean"], row["gain"]["ci95"]
        means = {arm: f"{100 * scores['mean']:.1f}" for arm, scores in row["arms"].items()}
        shown = f"{100 * gain:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
        cells += [means["pretrained"], means["random"], shown, means["frozen"]]
    return cells


if __name__ == "__main__":
    main(sys.argv[1:])
