"""What checkpoints, MLflow and Prefect cost beside training, on the preset fashion-mnist.

One stack and one seed, at 100 and 1,000 labels: with nothing but the functions that train, and with
`layerwise run` on an empty store, in fresh processes that take turns. One of each goes first and is
not counted: it times XLA, whose choice both remember afterwards.

Usage: python -m benchmarks.speed.overhead
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.running import BUILD, layerwise_run

CHANGES = ["finetune.seeds=1", "finetune.label_budgets=[100, 1000]"]
REPEATS = 3
ROOT = Path(__file__).parents[2]

BARE = f"""
import json, tempfile, time
from pathlib import Path

began = time.perf_counter()
from flows.environment import set_environment
set_environment(False)
from pipeline.config.arms import ARMS
from pipeline.config.loading import load
from pipeline.config.untrained import untrained
from pipeline.data.prepared import prepare
from pipeline.data.trial_rows import trial_rows
from pipeline.seeds import derive
from pipeline.stages.plan import plan_of
from pipeline.training.finetuning.finetune import Finetuner
from pipeline.training.finetuning.network import random_autoencoders
from pipeline.training.pretraining.pretrain import pretrain
from pipeline.training.stack import encode

config = load("fashion-mnist", None, None, {CHANGES!r})
data = prepare(config.data, config.task, config.seed, Path(tempfile.mkdtemp(), "data"))
rows, validation = data.rows[data.splits.pretrain], data.rows[data.splits.validation]
features, classes = rows.shape[1], len(data.classes)
started = time.perf_counter()
stack = []
for number, level in enumerate(config.stack, 1):
    seed = derive(config.seed, "pretrain", 0, number)
    stack.append(pretrain(level, rows, validation, seed, lambda _: None).autoencoder)
    rows, validation = encode(stack[-1], rows), encode(stack[-1], validation)
pretrained = time.perf_counter()
network = untrained(config.stack, decoder=False)
finetuners = {{
    trains: Finetuner(config.finetune.training(trains, 0), network, features, classes, data.task)
    for trains in ("network", "head")
}}
for trial in plan_of(config, data).trials:
    arm = ARMS[trial.arm]
    fresh = random_autoencoders(network, features, derive(config.seed, "random", trial.seed))
    parts = trial_rows(
        data, trial.labels, derive(config.seed, "subset", trial.seed), all_unlabelled=False
    )
    finetuners[arm.trains].run(
        stack if arm.weights == "stack" else fresh,
        parts,
        derive(config.seed, "trial", trial.seed),
        lambda _: None,
    )
finetuned = time.perf_counter()
print(json.dumps({{
    "pretraining": pretrained - started,
    "fine-tuning": finetuned - pretrained,
}}))
"""


def bare() -> dict[str, float]:
    """Seconds of a process that trains and does nothing else."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", BARE], capture_output=True, text=True, check=True, cwd=ROOT
    )
    found = json.loads(done.stdout.splitlines()[-1])
    return found | {"rest": time.perf_counter() - began - sum(found.values())}


def whole() -> dict[str, float]:
    """Seconds of `layerwise run` on an empty store."""
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        changes = [part for change in CHANGES for part in ("--set", change)]
        began = time.perf_counter()
        summary = layerwise_run(Path(folder).name, "fashion-mnist", *changes)
        wall = time.perf_counter() - began
    seconds = summary["seconds"]
    levels = range(1, len(summary["layers"]) + 1)
    found = {
        "pretraining": sum(seconds[f"pretrain {number}"] for number in levels),
        "fine-tuning": seconds["finetune"],
        "comparison, export and report": sum(seconds[s] for s in ("compare", "export", "report")),
    }
    return found | {"rest": wall - sum(found.values())}


def main() -> None:
    """Measure both, print a Markdown table and write it as JSON."""
    BUILD.mkdir(exist_ok=True)
    pairs = [(bare(), whole()) for _ in range(1 + REPEATS)][1:]
    trained = ("pretraining", "fine-tuning")
    print(
        "| median of 3 | bare, s | with checkpoints, MLflow and Prefect, s | more, pair by pair |"
    )
    print("| - | -: | -: | -: |")
    for name in trained:
        more = sorted(with_all[name] / alone[name] - 1 for alone, with_all in pairs)
        print(f"| {name} | {_median(pairs, 0, name):.1f} | {_median(pairs, 1, name):.1f} | "
              f"{_range(more)} |")  # fmt: skip
    last = "comparison, export and report"
    print(f"| {last} | - | {_median(pairs, 1, last):.1f} | |")
    fixed = [with_all["rest"] - alone["rest"] for alone, with_all in pairs]
    rest = [_median(pairs, which, "rest") for which in (0, 1)]
    print(f"| all else (start, imports, data, servers, end) | {rest[0]:.1f} | {rest[1]:.1f} | "
          f"{median(fixed):+.1f} s |")  # fmt: skip
    shares = sorted(
        sum(with_all[n] for n in trained) / sum(alone[n] for n in trained) - 1
        for alone, with_all in pairs
    )
    file = BUILD / "speed" / "overhead.json"
    file.parent.mkdir(exist_ok=True)
    found = {"share": median(shares), "shares": shares, "fixed_seconds": median(fixed)}
    file.write_text(json.dumps(found, indent=1))


def _median(pairs: list[tuple[dict[str, float], dict[str, float]]], which: int, name: str) -> float:
    return median(pair[which][name] for pair in pairs)


def _range(shares: list[float]) -> str:
    """A share with its spread; one below zero is what chance makes of none."""
    shown = f"{median(shares):+.1%} [{shares[0]:+.1%}, {shares[-1]:+.1%}]"
    return f"{shown}: noise" if median(shares) < 0 else shown


if __name__ == "__main__":
    main()
