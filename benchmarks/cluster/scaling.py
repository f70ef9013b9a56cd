"""What an arm costs on a Dask cluster, part by part, and what 1,000 arms on 100 workers come to.

An arm is one trial of fine-tuning: one arm on one label subset. Runs of many and of few arms take
turns on clusters of one and of two workers, each worker with one thread for its products. What an
arm costs a part (seconds of a processor, bytes, requests) is the difference of a run of many and
one of few, divided by the difference in arms: what a run costs once cancels out, and what servers
compute when nobody asks is taken off. Other work on the machine changes seconds on the clock, but
hardly seconds of a processor.

Usage: python -m benchmarks.cluster.scaling [USER@HOST:PORT of a PostgreSQL server]
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from mlflow import MlflowClient

from benchmarks.cluster.parts import BIN, WORKERS, Parts
from benchmarks.running import BUILD
from pipeline.tracking.search import finished_children

REPEATS = 2
FEW, MANY = 4, 24
"""Arms of a run."""
SETTINGS = [
    "stack=[{units: 64, epochs: 20}]",
    "pretrain_seeds=1",
    "finetune.arms=[pretrained, random]",
    "finetune.references=[]",
    "finetune.label_budgets=[50]",
    "execution.runner=dask",
]
IDLE_SECONDS = 20
ARMS, CLUSTER = 1000, 100
"""What is computed from what was measured: so many arms on so many workers."""
LENGTHS = (1, 10, 20, 60, 600)
"""Seconds of an arm, for which that is computed."""
LAST = ("compare", "report")
"""Stages that read every arm, one after the other."""


class Measured(NamedTuple):
    """One run."""

    workers: int
    arms: int
    seconds: float
    """From the first arm's begin to the last one's end."""
    of_an_arm: float
    """Seconds that an arm keeps its worker: the median."""
    last: float
    """Seconds of the stages that read every arm."""
    used: dict[str, float]
    """By the parts of the set, and by the run's own process."""

    @property
    def per_minute(self) -> float:
        """Arms a minute."""
        return 60 * self.arms / self.seconds


def main(postgres: str | None) -> None:
    """Measure, print Markdown tables and write all as JSON."""
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as folder, Parts(Path(folder), postgres) as parts:
        seeds = count(1)
        for number in WORKERS:
            run(parts, number, 2 * number, next(seeds))  # imports and compiles
        idle = _idle(parts)
        runs = [
            run(parts, number, arms, next(seeds), idle)
            for _ in range(REPEATS)
            for number in WORKERS
            for arms in (FEW, MANY)
        ]
        requests = {name: dict(way.requests) for name, way in _ways(parts)}
    found = {
        "database": "PostgreSQL" if postgres else "SQLite",
        "runs": [one._asdict() for one in runs],
        "costs": costs(runs),
        "arms_in_all": sum(one.arms for one in runs) + sum(2 * number for number in WORKERS),
        "requests": requests,
        "idle": idle,
    }
    results = BUILD / "cluster"
    results.mkdir(exist_ok=True)
    (results / f"scaling-{found['database']}.json").write_text(json.dumps(found, indent=1))
    print(f"Both servers on {found['database']}.\n")
    _print_rates(runs)
    last = [
        (many.last - few.last) / (MANY - FEW)
        for few, many in zip(runs[::2], runs[1::2], strict=True)
    ]
    print(f"The last stages, on the clock for an arm: {_median_range(last, '.2f')} s.\n")
    _print_costs(costs(runs), median(one.of_an_arm for one in runs if one.workers == 1))


def run(
    parts: Parts, number: int, arms: int, seed: int, idle: dict[str, float] | None = None
) -> Measured:
    """A run of so many arms on the cluster of so many workers; a new seed computes all anew."""
    settings = [
        *SETTINGS, f"seed={seed}", f"finetune.seeds={arms // 2}",
        f"execution.address={parts.addresses[number]}",
    ]  # fmt: skip
    summary = parts.folder / "summary.json"
    before, began = parts.read(number), time.monotonic()
    process = subprocess.Popen(
        [
            BIN / "layerwise", "run", "digits", "--summary", summary,
            *[part for setting in settings for part in ("--set", setting)],
        ],
        cwd=parts.folder, env=parts.environment, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, settings
    wall, after = time.monotonic() - began, parts.read(number)
    used = {name: after[name] - before[name] - wall * (idle or {}).get(name, 0) for name in after}
    used["the run's process"] = usage.ru_utime + usage.ru_stime
    return Measured(number, arms, **_of_stages(parts, json.loads(summary.read_text())), used=used)


def _of_stages(parts: Parts, summary: dict[str, Any]) -> dict[str, float]:
    client = MlflowClient(parts.environment["MLFLOW_TRACKING_URI"])
    parent = client.get_run(summary["run_id"])
    stages = finished_children(client, parent.info.experiment_id, parent.info.run_id)
    trials = [s for s in stages if s.data.tags["layerwise.stage"] == "finetune"]
    times = [(trial.info.start_time, trial.info.end_time) for trial in trials]
    return {
        "seconds": (max(end for _, end in times) - min(start for start, _ in times)) / 1000,
        "of_an_arm": median(end - start for start, end in times) / 1000,
        "last": sum(summary["seconds"][stage] for stage in LAST),
    }


def costs(runs: list[Measured]) -> dict[str, float]:
    """What one more arm costs, by part: the median over pairs of runs of many and of few arms."""
    pairs = list(zip(runs[::2], runs[1::2], strict=True))
    return {
        name: median((many.used[name] - few.used[name]) / (MANY - FEW) for few, many in pairs)
        for name in runs[0].used
    }


def _idle(parts: Parts) -> dict[str, float]:
    """Of each part what it uses in a second when there is no run."""
    before, began = parts.read(1), time.monotonic()
    time.sleep(IDLE_SECONDS)
    after = parts.read(1)
    return {name: (after[name] - before[name]) / (time.monotonic() - began) for name in after}


def _ways(parts: Parts) -> list[tuple[str, Any]]:
    return [("MLflow", parts.mlflow), ("Prefect", parts.prefect)]


def _print_rates(runs: list[Measured]) -> None:
    print("| workers | arms a minute | an arm on its worker, s | share of the time at work |")
    print("| -: | -: | -: | -: |")
    for number in WORKERS:
        of = [one for one in runs if one.workers == number and one.arms == MANY]
        busy = [one.of_an_arm * one.arms / (one.seconds * number) for one in of]
        print(
            f"| {number} | {_median_range([one.per_minute for one in of], '.1f')} | "
            f"{_median_range([one.of_an_arm for one in of], '.2f')} | {median(busy):.0%} |"
        )
    many = [one for one in runs if one.arms == MANY]
    ratios = [
        two.per_minute / one.per_minute for one, two in zip(many[::2], many[1::2], strict=True)
    ]
    print(f"\nTwo workers against one, turn by turn: {_median_range(ratios, '.2f')}.\n")


def _print_costs(cost: dict[str, float], of_an_arm: float) -> None:
    print(
        f"| part | s of a processor for an arm | arms a minute on one core | holds up {CLUSTER} "
        "workers where an arm is shorter than, s |"
    )
    print("| - | -: | -: | -: |")
    for name, seconds in held_up_by(cost).items():
        print(f"| {name} | {seconds:.3f} | {60 / seconds:,.0f} | {seconds * CLUSTER:,.1f} |")
    print(f"\nA worker: {cost['workers']:.2f} s of a processor, {of_an_arm:.2f} s on the clock.\n")
    print("| between the parts | bytes for an arm | requests for an arm |")
    print("| - | -: | -: |")
    for way in ("Dask", "MLflow", "Prefect"):
        requests = f"{cost[f'requests, {way}']:.1f}" if f"requests, {way}" in cost else ""
        print(f"| {way} | {cost[f'bytes, {way}']:,.0f} | {requests} |")
    whole_of = f"{ARMS:,} arms on {CLUSTER} workers, minutes"
    print(f"\n| an arm, s | {whole_of} | as workers alone | held up by |")
    print("| -: | -: | -: | - |")
    for arm in LENGTHS:
        whole, slowest = forecast(cost, arm)
        alone = ARMS * arm / CLUSTER
        print(f"| {arm} | {whole / 60:.1f} | {alone / 60:.1f} | {slowest} |")
    print()


def held_up_by(cost: dict[str, float]) -> dict[str, float]:
    """The parts that there is one of, however many workers: seconds of a processor for an arm."""
    no_part = ("bytes", "requests", "workers")
    parts = {name: s for name, s in cost.items() if not name.startswith(no_part) and s > 0.0005}
    return dict(sorted(parts.items(), key=lambda part: -part[1]))


def forecast(cost: dict[str, float], arm: float) -> tuple[float, str]:
    """Seconds of many arms of so many seconds each on many workers, and what holds them up.

    Workers and parts work at the same time, each part on one core: the slowest decides.
    """
    times = {"workers": ARMS * arm / CLUSTER}
    times |= {name: ARMS * seconds for name, seconds in held_up_by(cost).items()}
    slowest = max(times, key=lambda name: times[name])
    return times[slowest], slowest


def _median_range(values: list[float], form: str) -> str:
    return f"{median(values):{form}} [{min(values):{form}}, {max(values):{form}}]"


if __name__ == "__main__":
    main(*(sys.argv[1:2] or [None]))
