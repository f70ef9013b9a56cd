"""Anomaly detection on images: each class of Fashion-MNIST in turn is normal, all others are not.

Usage: python -m benchmarks.applications.fashion_anomalies

Of a class's training images nine tenths train and the others are held out; all 10,000 test images
are scored, and nothing is chosen by them. The arms have the default recipe; beside them stand
scikit-learn's isolation forest, and the nearest neighbours by pixels. Each figure is kept in
`build/fashion-anomalies.jsonl`: what is there is not computed again. The means are written to
`benchmarks/results/fashion-anomalies.md`, as often as a class is done.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.applications.anomalies import ARMS, pretrained
from benchmarks.running import BUILD
from pipeline.config.schema import RunConfig
from pipeline.config.task import AnomalyTask
from pipeline.config.untrained import untrained
from pipeline.data.detection_rows import REFERENCES, DetectionRows
from pipeline.data.rows.sample import sample
from pipeline.data.sources.builtin import read_builtin
from pipeline.data.trial_rows import Labelled
from pipeline.evaluation.detectors import fit_detector
from pipeline.evaluation.gain import paired_gain
from pipeline.seeds import derive
from pipeline.tasks import task_of
from pipeline.training.deep.detect import detect
from pipeline.training.finetuning.network import random_autoencoders

KEPT = BUILD / "fashion-anomalies.jsonl"
RESULTS = Path(__file__).parents[1] / "results" / "fashion-anomalies.md"
SEEDS = 1
TRAINING = 60_000
"""Images that come first; the test images follow."""
HELD_OUT = 0.1
"""Of the normal training images."""
PEERS = ("isolation_forest", "neighbours")
TASK = task_of(AnomalyTask())
STACK = RunConfig().stack


class Row(NamedTuple):
    """The AUROC of every model, where one class is normal."""

    name: str
    seed: int
    auroc: dict[str, float]


class Images(NamedTuple):
    """All images, training images first."""

    pixels: np.ndarray
    """From 0 to 1, float32 (images, 784)."""
    classes: np.ndarray
    """The name of each one's class (images,)."""


def fashion_mnist() -> Images:
    """As the program scales them."""
    found = read_builtin("fashion_mnist")
    assert found.y is not None
    return Images(found.x.reshape(len(found.x), -1).astype("float32") / 255, found.y)


def rows_of(images: Images, name: str, seed: int) -> DetectionRows:
    """The rows of a trial in which one class is normal."""
    pixels, normal = images.pixels, images.classes == name
    drawn = np.random.default_rng(seed).permutation(np.flatnonzero(normal[:TRAINING]))
    held_out, learned = np.split(drawn, [round(HELD_OUT * len(drawn))])
    return DetectionRows(
        normal=pixels[learned],
        references=pixels[sample(learned, REFERENCES, seed)],
        held_out=pixels[held_out],
        known=pixels[:0],
        validation=Labelled(pixels[held_out], np.zeros(len(held_out), "int32")),
        test=Labelled(pixels[TRAINING:], (~normal[TRAINING:]).astype("int32")),
        columns=tuple(range(pixels.shape[1])),
        column_count=pixels.shape[1],
        images=True,
    )


def measure(images: Images, name: str, seed: int) -> Row:
    """Every arm and peer on the same rows."""
    rows = rows_of(images, name, seed)
    shape, metric = untrained(STACK, decoder=True), TASK.metric("auroc")
    stack = pretrained(rows, seed, STACK)
    auroc = {}
    for arm in ARMS:
        start = stack
        if arm == "random":
            start = random_autoencoders(shape, rows.normal.shape[1], derive(seed, "random", 0))
        of_trial = derive(seed, "trial", 0)
        outcome = detect(shape, start, arm != "frozen", rows, TASK, metric, of_trial, _unwatched)
        auroc[arm] = outcome.measured.scores["auroc"]
    for peer in PEERS:
        auroc[peer] = fit_detector(peer, rows, TASK, metric, seed).scores["auroc"]
    return Row(name, seed, auroc)


def measured() -> Iterator[Row]:
    """Every figure, kept as it is found."""
    KEPT.parent.mkdir(exist_ok=True)
    known = [json.loads(line) for line in KEPT.read_text().splitlines()] if KEPT.exists() else []
    done = {(row["name"], row["seed"]): Row(**row) for row in known}
    images = fashion_mnist()
    for seed in range(SEEDS):
        for name in np.unique(images.classes).tolist():
            if (name, seed) not in done:
                done[name, seed] = measure(images, name, seed)
                with KEPT.open("a") as kept:
                    kept.write(json.dumps(done[name, seed]._asdict()) + "\n")
                print(*done[name, seed], file=sys.stderr, flush=True)
            yield done[name, seed]


def table(rows: Sequence[Row]) -> str:
    """Each model's AUROC by class, a mean over seeds, and the mean over classes."""
    models, names = (*ARMS, *PEERS), list(dict.fromkeys(row.name for row in rows))
    means = {
        name: [float(np.mean([row.auroc[model] for row in rows if row.name == name]))
               for model in models]
        for name in names
    }  # fmt: skip
    means["**mean**"] = np.mean(list(means.values()), axis=0).tolist()
    lines = [
        "| normal | " + " | ".join(models).replace("_", " ") + " |",
        "| - |" + " -: |" * len(models),
    ]
    lines += [
        f"| {name} | " + " | ".join(f"{v:.3f}" for v in of) + " |" for name, of in means.items()
    ]
    return "\n".join(lines)


def gains(rows: Sequence[Row]) -> str:
    """The pretrained arm against every other model, paired over classes and seeds."""
    ours = [row.auroc[ARMS[0]] for row in rows]
    lines = []
    for model in (*ARMS[1:], *PEERS):
        gain = paired_gain(ours, [row.auroc[model] for row in rows])
        interval = " [{:+.4f}, {:+.4f}]".format(*gain.interval) if gain.interval else ""
        lines.append(f"* pretrained minus {model.replace('_', ' ')}: {gain.mean:+.4f}{interval}")
    return "\n".join(lines)


def main() -> None:
    """Measure what is not yet measured, and write the page."""
    rows: list[Row] = []
    for row in measured():
        rows.append(row)
        RESULTS.write_text(
            "# Anomalies among images\n\n`python -m benchmarks.applications.fashion_anomalies`: "
            "each class of Fashion-MNIST in turn is normal; AUROC over all 10,000 test images, "
            f"{SEEDS} seed.\n\n{table(rows)}\n\n{gains(rows)}\n"
        )


def _unwatched(_: object) -> None:
    """Nobody looks on."""


if __name__ == "__main__":
    main()
