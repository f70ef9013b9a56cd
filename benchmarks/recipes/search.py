"""Recipes against each other on Fashion-MNIST's training rows: 10,000 of them play the test rows.

Every recipe of `recipes.yaml` is a run of the whole pipeline in a store of its own under `build/`;
what one recipe shares with another is computed once. The real test rows are not read.

Usage: python benchmarks/recipes/search.py [NAME ...]
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from pipeline.data.builtin import read_builtin

HERE = Path(__file__).parent
WORK = Path("build", "recipes")
PLAYED_TEST_ROWS = 10_000
COMMON = [
    f"data.test={PLAYED_TEST_ROWS}",
    "pretrain_seeds=1",
    "finetune.label_budgets=[100, 1000]",
    "finetune.seeds=5",
]
PRESET = {
    "units": [512, 512, 256],
    "k": [120, 120, 60],
    "masking": [0.5, 0.3, 0.3],
    "epochs": [60, 60, 60],
}


def main(names: list[str]) -> None:
    """Run the recipes of these names, or all, and print a Markdown table."""
    recipes: dict[str, dict[str, list[Any]]] = yaml.safe_load((HERE / "recipes.yaml").read_text())
    rows = training_rows()
    budget = "accuracy | gain | frozen |"
    print(f"| recipe | pretraining, s | 100: {budget} 1,000: {budget}")
    print("| - | -: | -: | -: | -: | -: | -: | -: |")
    for name in names or recipes:
        print(
            f"| {name} | " + " | ".join(measured(rows, stack_of(recipes[name]))) + " |", flush=True
        )


def training_rows() -> Path:
    """The training part of Fashion-MNIST as a file."""
    file = WORK / "train.npz"
    if not file.exists():
        WORK.mkdir(parents=True, exist_ok=True)
        data = read_builtin("fashion_mnist")
        np.savez(file, x=data.x_train, y=data.y_train)
    return file.resolve()


def stack_of(recipe: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """The stack that a recipe stands for, as the config has it."""
    values = PRESET | recipe
    return [
        {
            "units": units,
            "sparsity": {"mechanism": "topk", "k": k} if k else {"mechanism": "none"},
            "corruption": {"kind": "masking", "share": share} if share else {"kind": "none"},
            "revive": False,
            "epochs": epochs,
        }
        for units, k, share, epochs in zip(*(values[name] for name in PRESET), strict=True)
    ]


def measured(rows: Path, stack: list[dict[str, Any]]) -> list[str]:
    """Run one recipe: seconds of pretraining, then scores and gains for each label budget."""
    settings = [*COMMON, f"stack={json.dumps(stack)}"]
    options = [part for setting in settings for part in ("--set", setting)]
    summary = WORK.resolve() / "summary.json"
    command = [Path(sys.executable).with_name("layerwise"), "run", "fashion-mnist", "--data", rows]
    subprocess.run(
        [*command, *options, "--summary", summary],
        cwd=WORK,
        env=os.environ | {"MLFLOW_TRACKING_URI": ""},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    found = json.loads(summary.read_text())
    cells = [f"{sum(layer['seconds'] for layer in found['layers']):.0f}"]
    for row in found["comparison"]:
        gain, (low, high) = row["gain"]["mean"], row["gain"]["ci95"]
        cells += [
            f"{100 * row['arms']['pretrained']['mean']:.1f}",
            f"{100 * gain:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]",
            f"{100 * row['arms']['frozen']['mean']:.1f}",
        ]
    return cells


if __name__ == "__main__":
    main(sys.argv[1:])
