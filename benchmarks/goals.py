"""What the benchmarks found beside what they should: one table, and `build/bench.json`.

It reads what each benchmark wrote; `make bench` runs them all and this at the end.

Usage: python -m benchmarks.goals
"""

import json
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.running import BUILD
from pipeline.cores import cores
from pipeline.training.acceleration import LEAST_GAIN

OURS = ("Layerwise", "Layerwise, XLA")
FITS = ("Keras fit", "Keras fit, advised")
BATCHES = (256, 1024)


class Goal(NamedTuple):
    """One measure."""

    measure: str
    against: str
    goal: str
    found: str
    met: bool | None
    """None where there is nothing to meet."""


def main() -> None:
    """Print the table and write it as JSON."""
    goals: list[Goal] = []
    for measured in (training, stack, scaling, memory, overhead, inference, startup):
        try:
            goals += measured()
        except FileNotFoundError as missing:
            print(f"Not run yet: {missing.filename}", file=sys.stderr)
    machine = {"processor": processor(), "cores": cores(), "python": platform.python_version()}
    about = {"machine": machine, "goals": [goal._asdict() for goal in goals]}
    (BUILD / "bench.json").write_text(json.dumps(about, indent=1))
    print(f"{machine['processor']}, {machine['cores']} cores\n")
    print("| measure | against | goal | found | met |")
    print("| - | - | - | - | - |")
    for goal in goals:
        met = {True: "yes", False: "no", None: ""}[goal.met]
        print(f"| {goal.measure} | {goal.against} | {goal.goal} | {goal.found} | {met} |")


def training() -> Iterator[Goal]:
    """Of one level: the rate of products, other ways, bfloat16."""
    table = _read("speed/training.json")["table"]
    for batch_size, goal in zip(BATCHES, (0.80, 0.92), strict=True):
        rows = [row for row in table if row["batch_size"] == batch_size]
        shares = {
            mechanism: _chosen(rows, mechanism)["share_of_matrix_rate"]
            for mechanism in {row["mechanism"] for row in rows if row["way"] in OURS}
        }
        worst = min(shares, key=shares.__getitem__)
        yield Goal(
            f"a level's rows/s, batch {batch_size:,}",
            "the machine's rate of products",
            f"{goal:.2f} with every mechanism",
            f"{shares['none']:.2f} without one, {shares[worst]:.2f} with {worst}",
            min(shares.values()) >= goal,
        )
        for mechanism in ("none", "topk"):
            ours = _chosen(rows, mechanism)["rows_per_second"]
            of_mechanism = {
                row["way"]: row["rows_per_second"] for row in rows if row["mechanism"] == mechanism
            }
            others = {
                way: speed
                for way, speed in of_mechanism.items()
                if way not in OURS and "bfloat16" not in way
            }
            best = max(others, key=others.__getitem__)
            yield Goal(
                f"a level's rows/s, batch {batch_size:,}, mechanism: {mechanism}",
                f"the best of {len(others)} others, {best}",
                "1.10 times",
                f"{ours / others[best]:.2f}",
                ours / others[best] >= 1.1,
            )
            yield Goal(
                f"bfloat16, batch {batch_size:,}, mechanism: {mechanism}", "float32", "reported",
                f"{of_mechanism['Layerwise, bfloat16'] / ours:.2f} times", None,
            )  # fmt: skip


def _chosen(rows: list[dict[str, Any]], mechanism: str) -> dict[str, Any]:
    """The row of the way that the engine would choose, having measured both."""
    plain, xla = (
        next(row for row in rows if (row["way"], row["mechanism"]) == (way, mechanism))
        for way in OURS
    )
    return xla if xla["rows_per_second"] >= LEAST_GAIN * plain["rows_per_second"] else plain


def stack() -> Iterator[Goal]:
    """Of the whole greedy stack."""
    table = _read("speed/stack.json")
    for batch_size in BATCHES:
        rows = {row["way"]: row for row in table if row["batch_size"] == batch_size}
        half = rows.pop("Layerwise, bfloat16")
        rows.pop("PyTorch, bfloat16", None)
        ours = rows.pop("Layerwise")
        fit = max(FITS, key=lambda way: rows[way]["rows_per_second"])
        times = ours["rows_per_second"] / rows[fit]["rows_per_second"]
        yield Goal(
            f"the whole stack's rows/s, batch {batch_size:,}", fit, "2 times",
            f"{times:.2f}", times >= 2,
        )  # fmt: skip
        best = min(rows, key=lambda way: rows[way]["seconds"])
        yield Goal(
            f"the whole stack to its explained variance, batch {batch_size:,}",
            f"the best of {len(rows)} others, {best}",
            "first",
            f"{ours['seconds']:.1f} s, {rows[best]['seconds']:.1f} s",
            ours["seconds"] < rows[best]["seconds"],
        )
        yield Goal(
            f"the same with bfloat16, batch {batch_size:,}", "float32", "reported",
            f"{half['seconds']:.1f} s, {ours['seconds']:.1f} s", None,
        )  # fmt: skip


def scaling() -> Iterator[Goal]:
    """With rows, width, depth and cores."""
    for group, times in _read("speed/scaling.json").items():
        (first, of_first), *rest = ((int(size), taken) for size, taken in times.items())
        ratios = [
            taken / of_first * (size / first if group == "cores" else first / size)
            for size, taken in rest
        ]
        if ratios:
            yield Goal(
                f"time by {group}, {first:,} to {rest[-1][0]:,}", "a straight line", "within 1.10",
                " ".join(f"{ratio:.2f}" for ratio in ratios),
                all(1 / 1.1 <= ratio <= 1.1 for ratio in ratios),
            )  # fmt: skip


def memory() -> Iterator[Goal]:
    """Of rows that fit and of rows that do not."""
    found = _read("size/any_size.json")
    cost = found["bytes_per_byte_of_rows"]
    yield Goal(
        "peak memory of rows that fit", "their bytes", "within 1.25", f"{cost:.2f}", cost <= 1.25
    )
    *_, few, many = found["streamed"]
    growth = many["peak"] / few["peak"]
    yield Goal(
        f"peak memory of {many['gigabytes']:.0f} GB", f"of {few['gigabytes']:.0f} GB", "flat",
        f"{growth:.2f}", growth <= 1.1,
    )  # fmt: skip


def overhead() -> Iterator[Goal]:
    """Of Prefect, MLflow and checkpoints."""
    found = _read("speed/overhead.json")
    noise = " (noise)" if found["share"] < 0 else ""  # nothing gets faster by what is added
    yield Goal(
        "checkpoints, MLflow and Prefect", "the bare functions", "under 3 % and 5 s",
        f"{found['share']:+.1%}{noise} and {found['fixed_seconds']:.1f} s",
        0 <= found["share"] < 0.03 and found["fixed_seconds"] < 5,
    )  # fmt: skip


def inference() -> Iterator[Goal]:
    """Of the exported model."""
    rows = _read("speed/inference.json")
    for endpoint in ("encode", "score"):
        speeds = {row["way"]: row["rows_per_second"] for row in rows if row["endpoint"] == endpoint}
        ours = speeds.pop("SavedModel")
        for way, speed in speeds.items():
            yield Goal(
                f"{endpoint}, rows/s from the SavedModel", way, "first",
                f"{ours / speed:.2f} times", ours > speed,
            )  # fmt: skip


def startup() -> Iterator[Goal]:
    """Of commands and runs."""
    found = _read("speed/startup.json")
    bare = found["python -c pass"]
    for command in ("layerwise --help", "layerwise config"):
        more = found[command] - bare
        yield Goal(command, "a bare Python", "0.3 s more", f"{more:.2f} s", more <= 0.3)
    slowest = max(taken for name, taken in found.items() if name.endswith(", alone"))
    times = found["run: first level begins"] / slowest
    against = "the slowest of TensorFlow, rows, server"
    yield Goal("a run's first step", against, "1.20 times", f"{times:.2f}", times <= 1.2)
    more = found["run: all of it cached"] - slowest
    yield Goal("a cached run's end", against, "3 s more", f"{more:.1f} s", more <= 3)


def processor() -> str:
    """Its name, and what it can do that matters here."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor()
    lines = dict(
        map(str.strip, line.split(":", 1)) for line in info.read_text().splitlines() if ":" in line
    )
    abilities = {"avx2", "avx512f", "avx512_bf16", "amx_bf16"} & set(lines["flags"].split())
    return f"{lines['model name']} ({', '.join(sorted(abilities))})"


def _read(name: str) -> Any:
    return json.loads((BUILD / name).read_text())


if __name__ == "__main__":
    main()
