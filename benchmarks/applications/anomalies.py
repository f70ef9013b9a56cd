"""Anomaly detection on a folder of sets: the arms beside scikit-learn's detectors.

Usage: python -m benchmarks.applications.anomalies FOLDER > benchmarks/results/anomalies.md

Each .npz file has `X` (rows, columns) and `y` (1 for an anomaly). Of each at most 10,000 rows are
drawn; half of the normal rows train, the others and all anomalies test; three seeds. Where a share
of anomalies is put among the rows that train, arms find out how many to leave out
(`task.contamination: auto`); beside them stand the share given, and none left out. Each figure is
kept in `build/anomalies.jsonl`: what is there is not computed again. The rule that scores are made
by was chosen on the sets with odd numbers, in the order of their file names.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from scipy import stats

from benchmarks.running import BUILD
from layers import SparseAutoencoder
from layers.detection import batched
from pipeline.config.finetune import Detecting
from pipeline.config.level import LevelConfig
from pipeline.config.loading import of_tables
from pipeline.config.task import AnomalyTask
from pipeline.config.untrained import untrained
from pipeline.data.detection_rows import REFERENCES, DetectionRows
from pipeline.data.hidden_anomalies import likely_normal
from pipeline.data.rows.sample import sample
from pipeline.data.trial_rows import Labelled
from pipeline.evaluation.detectors import fit_detector
from pipeline.evaluation.gain import paired_gain
from pipeline.seeds import derive
from pipeline.tasks import task_of
from pipeline.tasks.anomaly import P_VALUE
from pipeline.training.deep.detect import detect
from pipeline.training.finetuning.network import random_autoencoders
from pipeline.training.pretraining.pretrain import pretrain
from pipeline.training.stack import encode

KEPT = BUILD / "anomalies.jsonl"
SEEDS = 3
MOST_ROWS = 10_000
HELD_OUT = 0.2
"""Of the rows that train."""
ARMS = ("pretrained", "random", "frozen")
REFERENCE = "neighbours"
CONTAMINATED = (0.0, 0.05, 0.1)
RATES = (0.01, 0.05, 0.1)
"""Of false alarms, that are asked for."""
ENOUGH = 200
"""Normal rows held out from which false alarms are looked at."""
TASK = task_of(AnomalyTask())
STACK = of_tables().stack


class Row(NamedTuple):
    """One set, share of anomalies among the rows that train, and seed."""

    name: str
    contaminated: float
    seed: int
    auroc: dict[str, float]
    average_precision: dict[str, float]
    held_out: int
    normal: int
    """Test rows that are."""
    false_alarms: dict[str, float]
    """Of the pretrained arm at each rate."""
    detected: dict[str, float]


def rows_of(file: Path, contaminated: float, seed: int) -> DetectionRows:
    """The rows of one trial, standardised by those that train."""
    rng = np.random.default_rng(seed)
    with np.load(file, allow_pickle=False) as arrays:
        x, y = arrays["X"].astype("float64"), arrays["y"].astype("int32")
    drawn = rng.permutation(len(x))[:MOST_ROWS]
    x, y = x[drawn], y[drawn]
    normal, anomalies = np.flatnonzero(y == 0), np.flatnonzero(y)
    train = normal[: len(normal) // 2]
    hidden = round(contaminated / (1 - contaminated) * len(train))
    hidden = min(hidden, len(anomalies) // 2)
    train = rng.permutation(np.concatenate([train, anomalies[:hidden]]))
    test = np.setdiff1d(np.arange(len(x)), train)
    mean, deviation = x[train].mean(axis=0), x[train].std(axis=0)
    x = ((x - mean) / np.where(deviation > 0, deviation, 1)).astype("float32")
    held = max(1, round(HELD_OUT * len(train)))
    held_out, learned = train[:held], train[held:]
    return DetectionRows(
        normal=x[learned],
        references=x[sample(learned, REFERENCES, seed)],
        held_out=x[held_out],
        known=x[:0],
        validation=Labelled(x[held_out], np.zeros(held, "int32")),
        test=Labelled(x[test], y[test]),
        columns=tuple(range(x.shape[1])),
        column_count=x.shape[1],
    )


def without_likely_anomalies(
    rows: DetectionRows, contamination: float | Literal["auto"], seed: int
) -> DetectionRows:
    """The same, without those among the normal rows that are likely none."""
    likely = likely_normal(rows.normal, contamination, seed)
    normal = rows.normal[likely(rows.normal)]
    return rows._replace(
        normal=normal,
        references=normal[sample(np.arange(len(normal)), REFERENCES, seed)],
        held_out=rows.held_out[likely(rows.held_out)],
    )


def pretrained(
    rows: DetectionRows, seed: int, stack: Sequence[LevelConfig] = STACK
) -> list[SparseAutoencoder]:
    """The levels, trained greedily."""
    levels: list[SparseAutoencoder] = []
    here, there = rows.normal, rows.held_out
    for number, level in enumerate(stack, 1):
        of_level = derive(seed, "pretrain", 0, number)
        found = pretrain(level.training(), here, there, of_level, lambda _: None)
        levels.append(found.autoencoder)
        here, there = (encode(found.autoencoder, part, level.passes_on) for part in (here, there))
    return levels


def measure(file: Path, contaminated: float, seed: int) -> Row:
    """Every arm and reference model on the same rows."""
    rows = rows_of(file, contaminated, seed)
    shape, features = untrained(STACK, decoder=True), rows.normal.shape[1]
    stack = pretrained(rows, seed)
    found: dict[str, dict[str, float]] = {}
    metric = TASK.metric("auroc")
    alarms, detected = {}, {}
    looked_at = dict.fromkeys(ARMS, rows)
    if contaminated:
        found_out = without_likely_anomalies(rows, "auto", seed)
        looked_at = dict.fromkeys(ARMS, found_out)
        looked_at["pretrained, share given"] = without_likely_anomalies(rows, contaminated, seed)
        looked_at["pretrained, none left out"] = rows
        found["neighbours, found out"] = fit_detector(
            REFERENCE, found_out, TASK, metric, seed
        ).scores
    for arm, parts in looked_at.items():
        start = stack
        if arm == "random":
            start = random_autoencoders(shape, features, derive(seed, "random", 0))
        trains = arm != "frozen"
        of_trial = derive(seed, "trial", 0)
        outcome = detect(shape, start, trains, parts, TASK, metric, of_trial, lambda _: None)
        found[arm] = outcome.measured.scores
        if arm == ARMS[0]:
            p_values = batched(outcome.model, rows.test.rows)[:, P_VALUE]
            for rate in RATES:
                called = p_values <= rate
                alarms[str(rate)] = float(called[rows.test.targets == 0].mean())
                detected[str(rate)] = float(called[rows.test.targets == 1].mean())
    for name in get_args(Detecting):
        found[name] = fit_detector(name, rows, TASK, metric, seed).scores
    return Row(
        file.stem, contaminated, seed,
        {name: scores["auroc"] for name, scores in found.items()},
        {name: scores["average_precision"] for name, scores in found.items()},
        len(rows.held_out), int((rows.test.targets == 0).sum()), alarms, detected,
    )  # fmt: skip


def measured(files: Sequence[Path]) -> Iterator[Row]:
    """Every figure, kept as it is found."""
    KEPT.parent.mkdir(exist_ok=True)
    known = [json.loads(line) for line in KEPT.read_text().splitlines()] if KEPT.exists() else []
    done = {(row["name"], row["contaminated"], row["seed"]): Row(**row) for row in known}
    for contaminated in CONTAMINATED:
        for seed in range(SEEDS):
            for file in files:
                key = file.stem, contaminated, seed
                if key not in done:
                    done[key] = measure(file, contaminated, seed)
                    with KEPT.open("a") as kept:
                        kept.write(json.dumps(done[key]._asdict()) + "\n")
                    print(*key, file=sys.stderr, flush=True)
                yield done[key]


def means(rows: Sequence[Row], measure: str) -> dict[str, dict[str, float]]:
    """Of each model and set, over the seeds."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        for model, score in getattr(row, measure).items():
            found[model][row.name].append(score)
    return {
        model: {name: float(np.mean(scores)) for name, scores in by_set.items()}
        for model, by_set in found.items()
    }


def print_models(rows: Sequence[Row], names: Sequence[str]) -> None:
    """Each model's mean over sets, and how it stands against the nearest neighbours."""
    chosen = [row for row in rows if row.name in names]
    auroc, precision = means(chosen, "auroc"), means(chosen, "average_precision")
    print("| model | AUROC | average precision | AUROC minus neighbours' | least difference |")
    print("| - | -: | -: | -: | - |")
    for model in sorted(auroc, key=lambda model: -np.mean(list(precision[model].values()))):
        ours, theirs = auroc[model], auroc[REFERENCE]
        gain = paired_gain([ours[name] for name in names], [theirs[name] for name in names])
        interval = "[{:+.3f}, {:+.3f}]".format(*gain.interval) if gain.interval else ""
        worst = min(names, key=lambda name: ours[name] - theirs[name])
        print(
            f"| {model} | {np.mean(list(ours.values())):.3f} | "
            f"{np.mean(list(precision[model].values())):.3f} | {gain.mean:+.3f} {interval} | "
            f"{ours[worst] - theirs[worst]:+.3f} {worst} |"
        )
    print()


def print_arms(rows: Sequence[Row], names: Sequence[str]) -> None:
    """Whether greedy pretraining helped."""
    for measure in ("auroc", "average_precision"):
        of_models: Mapping[str, dict[str, float]] = means(rows, measure)
        gain = paired_gain(
            *([of_models[arm][name] for name in names] for arm in ("pretrained", "random"))
        )
        assert gain.interval
        low, high = gain.interval
        print(f"Pretrained minus random, {measure}: {gain.mean:+.3f} [{low:+.3f}, {high:+.3f}].\n")


def print_alarms(rows: Sequence[Row]) -> None:
    """False alarms beside those asked for, where enough normal rows were held out."""
    print("| asked for | measured, mean | inside the beta-binomial interval | detected |")
    print("| -: | -: | -: | -: |")
    enough = [row for row in rows if row.held_out >= ENOUGH]
    for rate in RATES:
        inside = []
        for row in enough:
            rank = int(rate * (row.held_out + 1))
            among = stats.betabinom(row.normal, rank, row.held_out + 1 - rank)
            low, high = among.interval(0.95)
            inside.append(low <= row.false_alarms[str(rate)] * row.normal <= high)
        mean, found = (
            np.mean([getattr(row, part)[str(rate)] for row in enough])
            for part in ("false_alarms", "detected")
        )
        print(f"| {rate:.0%} | {mean:.1%} | {sum(inside)} of {len(inside)} | {found:.1%} |")
    print()


def main(folder: Path) -> None:
    """Print every table."""
    files = sorted(folder.glob("*.npz"))
    names = [file.stem for file in files]
    rows = list(measured(files))
    print("# Anomaly detection\n\n`python -m benchmarks.applications.anomalies FOLDER`\n")
    halves: dict[str, list[Any]] = {
        "all sets": names,
        "the sets that the rule was chosen on": names[::2],
        "the other sets": names[1::2],
    }
    for contaminated in CONTAMINATED:
        here = [row for row in rows if row.contaminated == contaminated]
        for heading, chosen in halves.items():
            if contaminated and heading != "all sets":
                continue
            print(f"## {heading.capitalize()}, {contaminated:.0%} of the training rows anomalies\n")
            print_models(here, chosen)
            print_arms([row for row in here if row.name in chosen], chosen)
        if not contaminated:
            print("## False alarms, a row for each set and seed with 200 normal rows held out\n")
            print_alarms(here)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
