"""Warm start against new weights: rows have doubled since the last run, what do its stacks save?

5,000 rows of Fashion-MNIST, then 10,000, the first 5,000 among them. On these the stacks start from
those of the first run (`pretrain.from`), or from new weights, and pretrain for the same epochs.

Usage: python -m benchmarks.warm_start
"""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.running import BUILD, layerwise_run, percent
from pipeline.data.sources.builtin import read_builtin

EPOCHS = (1, 2, 5, 10, 20)
BEFORE = 20
"""Epochs of the first run."""
SETTINGS = [
    "data.holdout=stable",
    "finetune.seeds=5",
    "finetune.references=[]",
    "finetune.arms=[pretrained, random, frozen]",
    "finetune.label_budgets=[100]",
]


def main() -> None:
    """Print a table: explained variance, seconds and accuracy, by epochs."""
    folder = BUILD / "warm-start"
    folder.mkdir(parents=True, exist_ok=True)
    small, large = write_rows(folder)
    run("before", small, BEFORE)
    print("| epochs | start | explained variance, levels 1 and 2 | seconds | 100 labels | frozen |")
    print("| -: | - | - | -: | -: | -: |")
    for epochs in EPOCHS:
        for start, settings in (("new", []), ("warm", ["pretrain.from=before"])):
            found = run(f"{start}-{epochs}", large, epochs, *settings)
            variance = ", ".join(f"{level['explained_variance']:.3f}" for level in found["layers"])
            seconds = sum(level["seconds"] for level in found["layers"])
            arms = found["comparison"][0]["arms"]
            print(
                f"| {epochs} | {start} | {variance} | {seconds:.1f} "
                f"| {percent(arms['pretrained'])} | {percent(arms['frozen'])} |",
                flush=True,
            )
    print(f"random: {percent(arms['random'])}")


def write_rows(folder: Path) -> tuple[Path, Path]:
    """Files of 5,000 rows, and of 10,000 with these among them."""
    source = read_builtin("fashion_mnist")
    chosen = np.random.default_rng(0).permutation(len(source.x))[:10_000]
    files = folder / "5000.npz", folder / "10000.npz"
    for file, number in zip(files, (5_000, 10_000), strict=True):
        np.savez(file, x=source.x[chosen[:number]], y=source.y[chosen[:number]])
    return files


def run(name: str, rows: Path, epochs: int, *settings: str) -> dict[str, Any]:
    """The summary of a run whose levels pretrain for so many epochs."""
    stack = [level(256, 60, 0.5, epochs), level(128, 30, 0.3, epochs)]
    given = [f"name={name}", f"stack=[{', '.join(stack)}]", *SETTINGS, *settings]
    options = [part for setting in given for part in ("--set", setting)]
    return layerwise_run("warm-start", "--data", rows, *options)


def level(units: int, k: int, masked: float, epochs: int) -> str:
    """The default recipe's level, narrower."""
    return (
        f"{{units: {units}, sparsity: {{mechanism: topk, k: {k}}}, "
        f"corruption: {{kind: masking, share: {masked}}}, revive: false, epochs: {epochs}}}"
    )


if __name__ == "__main__":
    main()
