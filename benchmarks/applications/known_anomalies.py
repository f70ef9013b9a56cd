"""A few known anomalies: the arms beside trees that learn from the same ones.

Usage: python -m benchmarks.applications.known_anomalies FOLDER > FILE

Of the sets of `benchmarks.applications.anomalies` those with 100 anomalies at least. Half of them,
60 at most, are put aside: 1, 5 and 20 of these are known, the same to all models; the others of
them are in no part. How much known anomalies weigh was chosen on the sets of `CHOSEN_ON`. Each
figure is kept in `build/known-anomalies.jsonl`: what is there is not
computed again.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.applications.anomalies import SEEDS, STACK, TASK, pretrained, rows_of
from benchmarks.running import BUILD
from layers.detection import batched
from pipeline.config.finetune import KNOWING
from pipeline.config.untrained import untrained
from pipeline.data.detection_rows import DetectionRows
from pipeline.data.trial_rows import Labelled
from pipeline.evaluation.detectors import fit_detector
from pipeline.evaluation.gain import paired_gain
from pipeline.seeds import derive
from pipeline.tasks.anomaly import SCORE
from pipeline.tasks.metric import Predicted
from pipeline.training.deep.detect import detect, detector_of
from pipeline.training.deep.unrolled import Unrolled
from pipeline.training.finetuning.network import random_autoencoders

KEPT = BUILD / "known-anomalies.jsonl"
LEAST, ASIDE = 100, 60
KNOWN = (0, 1, 5, 20)
ARMS = ("pretrained", "random")
CHOSEN_ON = (
    "12_fault",
    "33_skin",
    "47_yeast",
    "6_cardio",
    "18_Ionosphere",
    "24_mnist",
    "27_PageBlocks",
    "2_annthyroid",
)
MEASURES = ("auroc", "average_precision")


class Row(NamedTuple):
    """One set and seed: of each number of known anomalies and model AUROC and average precision."""

    name: str
    seed: int
    scores: dict[str, dict[str, dict[str, float]]]


def measure(file: Path, seed: int) -> Row | None:
    """Every model with every number of known anomalies; None where a set has too few."""
    rows = rows_of(file, 0.0, seed)
    anomalies = np.flatnonzero(rows.test.targets)
    if len(anomalies) < LEAST:
        return None
    drawn = np.random.default_rng(seed).permutation(anomalies)
    aside = drawn[: min(ASIDE, len(drawn) // 2)]
    tested = np.setdiff1d(np.arange(len(rows.test.targets)), aside)
    known = rows.test.rows[aside]
    rows = rows._replace(
        test=Labelled(rows.test.rows[tested], rows.test.targets[tested]),
        # Trees choose their leaf by them: no model here sees the anomalies that test.
        validation=_with_anomalies(rows, known[max(KNOWN) :]),
    )
    found: dict[str, dict[str, dict[str, float]]] = {str(number): {} for number in KNOWN}
    for arm, deep in _arms(rows, seed):
        for number in KNOWN:
            detector = detector_of(deep, rows._replace(known=known[:number]))
            scores = batched(detector, rows.test.rows)[:, [SCORE, SCORE]]
            found[str(number)][arm] = _scores(rows.test.targets, scores)
    for number in KNOWN[1:]:
        for name in KNOWING:
            parts = rows._replace(known=known[:number])
            tree = fit_detector(name, parts, TASK, TASK.metric("auroc"), seed)
            found[str(number)][name] = {each: tree.scores[each] for each in MEASURES}
    return Row(file.stem, seed, found)


def _with_anomalies(rows: DetectionRows, anomalies: np.ndarray) -> Labelled:
    normal = rows.validation.rows[:]
    both = np.concatenate([normal, anomalies])
    return Labelled(both, np.repeat([0, 1], [len(normal), len(anomalies)]))


def _scores(targets: np.ndarray, values: np.ndarray) -> dict[str, float]:
    predicted = Predicted(values, None, None)
    return {name: TASK.metric(name).score(targets, predicted) for name in MEASURES}


def _arms(rows: DetectionRows, seed: int) -> Iterator[tuple[str, Unrolled]]:
    """The deep autoencoder of each arm, trained."""
    shape, features = untrained(STACK, decoder=True), rows.normal.shape[1]
    for arm in ARMS:
        start = (
            pretrained(rows, seed)
            if arm == "pretrained"
            else random_autoencoders(shape, features, derive(seed, "random", 0))
        )
        of_trial = derive(seed, "trial", 0)
        metric = TASK.metric("auroc")
        model = detect(shape, start, True, rows, TASK, metric, of_trial, lambda _: None).model
        yield arm, Unrolled(model.encoder, model.decoder)


def measured(files: Sequence[Path]) -> Iterator[Row]:
    """Every figure, kept as it is found."""
    KEPT.parent.mkdir(exist_ok=True)
    known = [json.loads(line) for line in KEPT.read_text().splitlines()] if KEPT.exists() else []
    done = {(row["name"], row["seed"]): Row(**row) for row in known}
    for seed in range(SEEDS):
        for file in files:
            if (file.stem, seed) not in done:
                row = measure(file, seed)
                if row is None:
                    continue
                done[file.stem, seed] = row
                with KEPT.open("a") as kept:
                    kept.write(json.dumps(row._asdict()) + "\n")
                print(file.stem, seed, file=sys.stderr, flush=True)
            yield done[file.stem, seed]


def print_table(rows: Sequence[Row], names: Sequence[str]) -> None:
    """Means over sets, and how each model stands against the score without known anomalies."""

    def of_sets(number: str, model: str, measure: str) -> list[float]:
        return [
            float(np.mean([row.scores[number][model][measure] for row in rows if row.name == name]))
            for name in names
        ]

    print("| known | model | AUROC | average precision | AUROC minus without | worst set |")
    print("| -: | - | -: | -: | -: | - |")
    without = of_sets("0", ARMS[0], "auroc")
    for number in map(str, KNOWN):
        for model in rows[0].scores[number]:
            auroc, precision = (of_sets(number, model, measure) for measure in MEASURES)
            gain = paired_gain(auroc, without)
            interval = "[{:+.3f}, {:+.3f}]".format(*gain.interval) if gain.interval else ""
            worst = int(np.argmin(np.subtract(auroc, without)))
            print(
                f"| {number} | {model} | {np.mean(auroc):.3f} | {np.mean(precision):.3f} | "
                f"{gain.mean:+.3f} {interval} | {auroc[worst] - without[worst]:+.3f} "
                f"{names[worst]} |"
            )
    print()


def main(folder: Path) -> None:
    """Print every table."""
    rows = list(measured(sorted(folder.glob("*.npz"))))
    names = sorted({row.name for row in rows}, key=lambda name: int(name.partition("_")[0]))
    print("# Known anomalies\n\n`python -m benchmarks.applications.known_anomalies FOLDER`\n")
    halves = {
        "all sets": names,
        "the sets that the rule was chosen on": [name for name in names if name in CHOSEN_ON],
        "the other sets": [name for name in names if name not in CHOSEN_ON],
    }
    for heading, chosen in halves.items():
        print(f"## {heading.capitalize()} ({len(chosen)})\n")
        print_table(rows, chosen)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
