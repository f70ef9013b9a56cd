"""How long a user waits, at an earlier commit and now: both in one run, in turn.

Commands beside the import or the start that they cannot do without; a run of a tiny config that is
computed already; the demo with everything set up, of which the results must be the same. Medians of
interleaved repeats; the demo, which takes minutes, has repeats of its own.

Usage: python -m benchmarks.speed.waits FOLDER [--repeats N] [--demos N]
where FOLDER has the earlier commit: git worktree add FOLDER COMMIT.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from benchmarks.running import BUILD
from benchmarks.speed.startup import CONFIG, SERVER

HERE = Path(__file__).parents[2]
FOLDER = BUILD / "waits"
PORTS = ("5871", "5872")
UI_SECONDS = 180
"""At most, where cores are busy."""
ALONE = {
    "import mlflow": "import mlflow; print('ready')",
    "import tensorflow": "import tensorflow; print('ready')",
    "Prefect's server ready": SERVER,
}
TINY = [part for change in CONFIG for part in ("--set", change)]
BESIDE = {
    "compare": "import mlflow",
    "status": "import mlflow",
    "predict": "import tensorflow",
}


class Code:
    """The program at one commit, with a folder of runs of its own."""

    def __init__(self, name: str, root: Path):
        self.name = name
        self.folder = FOLDER / name
        self.folder.mkdir(parents=True)
        self._environment = os.environ | {
            "PYTHONPATH": str(root),
            "PREFECT_HOME": str(self.folder / "prefect"),
        }

    def start(self, *arguments: str | Path, folder: Path | None = None) -> subprocess.Popen[str]:
        """A process of Python."""
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder or self.folder,
            env=self._environment,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def run(self, *arguments: str | Path, folder: Path | None = None) -> float:
        """Seconds that a command of the program takes."""
        began = time.perf_counter()
        process = self.start("-m", "flows.cli", *arguments, folder=folder)
        process.communicate()
        if process.returncode:
            raise RuntimeError(f"layerwise {' '.join(map(str, arguments))} failed ({self.name}).")
        return time.perf_counter() - began

    def alone(self, script: str) -> float:
        """Seconds until a script says that it is ready."""
        began = time.perf_counter()
        with self.start("-c", script) as process:
            assert process.stdout
            if process.stdout.readline().strip() != "ready":
                raise RuntimeError(f"This did not become ready ({self.name}): {script}")
            return time.perf_counter() - began

    def ui(self) -> float:
        """Seconds until MLflow answers, at most `UI_SECONDS`."""
        began = time.perf_counter()
        ports = "--mlflow-port", PORTS[0], "--prefect-port", PORTS[1]
        with self.start("-m", "flows.cli", "ui", *ports) as process:
            while not answers(f"http://127.0.0.1:{PORTS[0]}"):
                if time.perf_counter() - began > UI_SECONDS:
                    break
                time.sleep(0.1)
            seconds = time.perf_counter() - began
            process.send_signal(signal.SIGINT)
            process.communicate()
        return seconds

    def demo(self) -> tuple[float, object]:
        """Seconds of the demo in a new folder, and all that it found out."""
        folder = self.folder / "demo"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        seconds = self.run("run", "digits", "--summary", "summary.json", folder=folder)
        summary = json.loads((folder / "summary.json").read_text())
        return seconds, (summary["comparison"], summary["label_saving"])


def answers(url: str) -> bool:
    """Whether a server answers there."""
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def main() -> None:
    """Measure, print a Markdown table and write it as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--demos", type=int, default=1)
    given = parser.parse_args()
    shutil.rmtree(FOLDER, ignore_errors=True)
    codes = Code("before", given.folder.resolve()), Code("now", HERE)
    rows = FOLDER / "rows.npy"
    np.save(rows, load_digits().data)
    times: dict[str, dict[str, list[float]]] = {}

    def took(what: str, of: str, measure: Callable[[], float]) -> None:
        seconds = measure()
        print(f"{what}, {of}: {seconds:.1f} s", file=sys.stderr, flush=True)
        times.setdefault(what, {}).setdefault(of, []).append(seconds)

    for code in codes:
        code.run("run", "digits", *TINY)
    knows_status = (given.folder / "flows" / "cli" / "status.py").exists()
    for _ in range(given.repeats):
        for what, script in ALONE.items():
            took(what, "now", lambda script=script: codes[1].alone(script))
        for code in codes:
            took("compare", code.name, lambda code=code: code.run("compare"))
            if code.name == "now" or knows_status:
                took("status", code.name, lambda code=code: code.run("status"))
            predict = "predict", "exports/digits", rows, "-o", "labels.csv"
            took("predict", code.name, lambda code=code, it=predict: code.run(*it))
            cached = "run", "digits", *TINY
            took("cached run", code.name, lambda code=code, it=cached: code.run(*it))
            took("ui, until MLflow answers", code.name, code.ui)
    found = []
    for _ in range(given.demos):
        for code in codes:
            seconds, summary = code.demo()
            found.append(summary)
            took("demo", code.name, lambda seconds=seconds: seconds)
    if any(summary != found[0] for summary in found):
        raise RuntimeError("The demo found something else than before.")
    print_table(times)
    (FOLDER / "waits.json").write_text(json.dumps(times, indent=1))


def print_table(times: dict[str, dict[str, list[float]]]) -> None:
    """Medians in seconds, and ratios of medians."""
    medians = {
        what: {of: statistics.median(taken) for of, taken in by.items()}
        for what, by in times.items()
    }
    alone = {what: medians[what]["now"] for what in ALONE}
    print("| | before, s | now, s | now |\n| - | -: | -: | - |")
    for what, by in medians.items():
        before = f"{by['before']:.1f}" if "before" in by else ""
        if what in BESIDE:
            note = f"{by['now'] / alone[BESIDE[what]]:.2f} times {BESIDE[what]}"
        elif what == "cached run":
            slowest = max(("import tensorflow", "Prefect's server ready"), key=alone.__getitem__)
            note = f"{by['now'] - alone[slowest]:+.1f} s after {slowest}"
        else:
            note = f"{by['now'] / by['before']:.2f} times before" if "before" in by else ""
        print(f"| {what} | {before} | {by['now']:.1f} | {note} |")


if __name__ == "__main__":
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    main()
