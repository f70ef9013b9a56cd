"""What checkpoints, MLflow and Prefect cost beside training, on the preset fashion-mnist.

One stack and one seed, at 100 and 1,000 labels: once with nothing but the functions that train, and
once with `layerwise run` on an empty store, in fresh processes one after the other.

Usage: python -m benchmarks.speed.overhead
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.running import BUILD, layerwise_run

CHANGES = ["finetune.seeds=1", "pretrain_seeds=1", "finetune.label_budgets=[100, 1000]"]

BARE = f"""
import json, sys, tempfile, time
from pathlib import Path

began = time.perf_counter()
from flows.environment import set_environment
set_environment(False)
from pipeline.training.finetuning.finetune import Finetuner
from pipeline.training.finetuning.network import random_autoencoders
from pipeline.data.prepared import prepare
from pipeline.training.pretraining.pretrain import pretrain
from pipeline.training.stack import encode
from pipeline.seeds import derive
from pipeline.config.loading import load
from pipeline.stages.trials import PRETRAINED, parts_of, trials_of

config = load("fashion-mnist", None, None, {CHANGES!r})
data = prepare(config.data, config.seed, Path(tempfile.mkdtemp(), "data"))
rows, validation = data.rows[data.splits.pretrain], data.rows[data.splits.validation]
features, classes = rows.shape[1], len(data.classes)
started = time.perf_counter()
stack = []
for number, level in enumerate(config.stack, 1):
    seed = derive(config.seed, "pretrain", 0, number)
    stack.append(pretrain(level, rows, validation, seed, lambda _: None).autoencoder)
    rows, validation = encode(stack[-1], rows), encode(stack[-1], validation)
pretrained = time.perf_counter()
finetuner = Finetuner(config.finetune, config.stack, features, classes, config.data.task)
for trial in trials_of(config, data):
    seed = derive(config.seed, "random", trial.seed)
    fresh = random_autoencoders(config.stack, features, seed)
    start = stack if trial.arm in PRETRAINED else fresh
    parts = parts_of(config, data, trial)
    finetuner.run(trial.arm, start, parts, derive(config.seed, "trial", trial.seed), lambda _: None)
finetuned = time.perf_counter()
print(json.dumps({{
    "start-up": started - began,
    "pretraining": pretrained - started,
    "fine-tuning": finetuned - pretrained,
}}))
"""


def main() -> None:
    """Measure both, print a Markdown table and write it as JSON."""
    began = time.perf_counter()
    bare = _bare()
    bare_wall = time.perf_counter() - began
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        changes = [part for change in CHANGES for part in ("--set", change)]
        began = time.perf_counter()
        summary = layerwise_run(Path(folder).name, "fashion-mnist", *changes)
        wall = time.perf_counter() - began
    seconds = summary["seconds"]
    whole = {
        "pretraining": sum(seconds[f"pretrain {n}"] for n in range(1, len(summary["layers"]) + 1)),
        "fine-tuning": seconds["finetune"],
    }
    print("| | bare, s | with checkpoints, MLflow and Prefect, s | more |")
    print("| - | -: | -: | -: |")
    for name, taken in whole.items():
        print(f"| {name} | {bare[name]:.1f} | {taken:.1f} | {taken / bare[name] - 1:+.1%} |")
    last = sum(seconds[name] for name in ("compare", "export", "report"))
    print(f"| comparison, export and its proof, report | - | {last:.1f} | |")
    rest = wall - sum(whole.values()) - last
    bare_rest = bare_wall - bare["pretraining"] - bare["fine-tuning"]
    file = BUILD / "speed" / "overhead.json"
    file.parent.mkdir(exist_ok=True)
    trained = sum(bare[name] for name in whole)
    found = {"share": sum(whole.values()) / trained - 1, "fixed_seconds": rest - bare_rest}
    file.write_text(json.dumps(found, indent=1))
    print(
        f"| everything else (start, imports, data, servers, end) | {bare_rest:.1f} | {rest:.1f} | "
        f"{rest - bare_rest:+.1f} s |"
    )


def _bare() -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", BARE], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
