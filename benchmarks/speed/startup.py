"""How long commands and runs take before they work.

Commands beside a bare start of Python. Of a run: the three things that it must wait for, each alone
(TensorFlow imported, the rows read, Prefect's server ready), the moment its first level begins to
train, and a second run of which everything is cached. Medians of interleaved repeats.

Usage: python -m benchmarks.speed.startup
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from mlflow.tracking import MlflowClient

from benchmarks.running import BUILD, layerwise_run

REPEATS = 3
PROGRAM = str(Path(sys.executable).with_name("layerwise"))
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "layerwise --help": [PROGRAM, "--help"],
    "layerwise config": [PROGRAM, "config"],
    "layerwise data digits": [PROGRAM, "data", "digits"],
}
SERVER = """
from flows.environment import set_environment
set_environment(False)
from flows.server.own import prefect_server
with prefect_server() as wait_until_ready:
    wait_until_ready()
    print("ready", flush=True)
"""
READ = (
    "from pipeline.config.schema import DataConfig; from pipeline.data.sources.read import read; "
)
ALONE = {
    "TensorFlow imported": "import tensorflow; print('ready', flush=True)",
    "rows read": READ + "read(DataConfig()); print('ready', flush=True)",
    "Prefect's server ready": SERVER,
}
CONFIG = [
    "stack=[{units: 32, epochs: 1}]",
    "finetune.arms=[pretrained]",
    "finetune.label_budgets=[100]",
    "finetune.seeds=1",
]


def main() -> None:
    """Measure, print a Markdown table and write it as JSON."""
    run(seed=0)  # migrates the databases
    times: dict[str, list[float]] = {}

    def took(name: str, seconds: float) -> None:
        times.setdefault(name, []).append(seconds)

    for repeat in range(1, REPEATS + 1):
        for name, command in COMMANDS.items():
            took(name, until_done(command))
        for name, script in ALONE.items():
            took(f"{name}, alone", until_ready(script))
        first_step, _ = run(repeat)
        took("run: first level begins", first_step)
        _, whole = run(repeat)
        took("run: all of it cached", whole)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    file = BUILD / "speed" / "startup.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(medians, indent=1))
    print("| | s |\n| - | -: |")
    for name, seconds in medians.items():
        print(f"| {name} | {seconds:.2f} |")
    slowest = max(medians[f"{name}, alone"] for name in ALONE)
    print(f"\nThe first level begins at {medians['run: first level begins'] / slowest:.2f} times")
    print(
        f"the slowest of the three; all cached {medians['run: all of it cached'] - slowest:.1f} s"
    )
    print("after it.")


def until_done(command: list[str]) -> float:
    """Seconds that a command takes."""
    began = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True)
    return time.perf_counter() - began


def until_ready(script: str) -> float:
    """Seconds until a script says that it is ready."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stdout
        while process.stdout.readline().strip() != "ready":
            if process.poll() is not None:
                raise RuntimeError(f"This did not become ready: {script}")
        return time.perf_counter() - began


def run(seed: int) -> tuple[float, float]:
    """Seconds from the start of a run until its first level begins, and until it ends."""
    changes = [part for change in [*CONFIG, f"seed={seed}"] for part in ("--set", change)]
    began, wall = time.time(), time.perf_counter()
    summary = layerwise_run("startup", "digits", *changes)
    seconds = time.perf_counter() - wall
    return first_level(summary) / 1000 - began, seconds


def first_level(summary: dict[str, Any]) -> int:
    """When the first level's stage began, in milliseconds since the epoch."""
    store = BUILD / "startup" / "mlruns" / "mlflow.db"
    client = MlflowClient(f"sqlite:///{store}")
    experiment = client.get_run(summary["run_id"]).info.experiment_id
    of_run = f"tags.`mlflow.parentRunId` = '{summary['run_id']}'"
    stages = client.search_runs([experiment], f"{of_run} and tags.`layerwise.stage` = 'pretrain'")
    return min(stage.info.start_time for stage in stages)


if __name__ == "__main__":
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    main()
