"""Whether a change leaves results as they are: `--summary` of three runs, before and after it.

`python -m benchmarks.same.summaries make FOLDER` runs digits, a table of classes and a regression
with the code of this checkout and keeps their summaries in FOLDER. `... compare A B` prints what
differs between two such folders, but for seconds, ids and paths, and exits with 1 if anything does.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from sklearn.datasets import load_diabetes, load_wine

ROOT = Path(__file__).parents[2]
SMALL = ["--set", "finetune.seeds=3", "--set", "finetune.min_steps=60"]
RUNS = {
    "digits": ["digits"],
    "table": ["--data", "wine.csv", "--label", "target", *SMALL],
    "regression": ["--data", "diabetes.csv", "--label", "target", *SMALL],
}
PLACES = {"seconds", "run_id", "path", "report", "made_by", "key"}
"""Keys whose values differ from run to run, or with the versions that are part of a stage's key."""


def make(folder: Path) -> None:
    """Run each of `RUNS` in an empty folder with a store of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, arguments in RUNS.items():
        with tempfile.TemporaryDirectory() as work:
            load_wine(as_frame=True).frame.to_csv(Path(work, "wine.csv"), index=False)
            load_diabetes(as_frame=True).frame.to_csv(Path(work, "diabetes.csv"), index=False)
            if name == "regression":
                arguments = [*arguments, *_regression()]
            command = [sys.executable, "-m", "flows.cli", "run", *arguments]
            command += ["--summary", str(folder.resolve() / f"{name}.json")]
            subprocess.run(
                command, cwd=work, check=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
            )


def _regression() -> list[str]:
    """How a checkout is told that the target is a number."""
    schema = subprocess.run(
        [sys.executable, "-m", "flows.cli", "config", "--schema"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    is_section = "task" in json.loads(schema)["properties"]
    return ["--set", "task.kind=regression" if is_section else "data.task=regression"]


def differences(first: Any, second: Any, where: str = "") -> list[str]:
    """A line for each value that differs."""
    if isinstance(first, dict) and isinstance(second, dict):
        names = sorted({*first, *second} - PLACES)
        return [
            line
            for name in names
            for line in differences(first.get(name), second.get(name), f"{where}.{name}")
        ]
    if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        pairs = enumerate(zip(first, second, strict=True))
        return [line for n, pair in pairs for line in differences(*pair, f"{where}[{n}]")]
    return [] if first == second else [f"{where}: {first} -> {second}"]


def compare(before: Path, after: Path) -> int:
    """Print what differs; 1 if anything does."""
    status = 0
    for name in RUNS:
        first, second = (json.loads((f / f"{name}.json").read_text()) for f in (before, after))
        found = differences(first, second)
        print(f"{name}: {len(found)} differences", *found, sep="\n  ")
        status |= bool(found)
    return status


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["make", folder]:
            make(Path(folder))
        case ["compare", before, after]:
            sys.exit(compare(Path(before), Path(after)))
        case _:
            sys.exit(__doc__)
