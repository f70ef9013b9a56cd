"""Run `layerwise run` in a folder of its own, and read its summary."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

BUILD = Path(__file__).parents[1] / "build"
ONE_CORE = dict.fromkeys(
    ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
    "1",
)
"""The environment of a process that is to have one thread."""


class Training(NamedTuple):
    """One way to train a level."""

    epoch: Callable[[], Any]
    """Passes over the rows once."""
    weights: Callable[[], list[np.ndarray]]
    """Kernel and bias of the encoder, (features, units) and (units,), then of the decoder."""
    begin: Callable[[list[np.ndarray]], None]
    """Set them, before the first epoch."""


def layerwise_run(name: str, *arguments: str | Path) -> dict[str, Any]:
    """The summary of a run in `build/NAME/`, whose store keeps what was computed before."""
    folder = BUILD / name
    folder.mkdir(parents=True, exist_ok=True)
    summary = folder / "summary.json"
    program = Path(sys.executable).with_name("layerwise")
    subprocess.run(
        [program, "run", *arguments, "--summary", summary],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return json.loads(summary.read_text())


def percent(scores: dict[str, Any]) -> str:
    """An arm's mean score and deviation over seeds, in per cent."""
    return f"{100 * scores['mean']:.1f} ± {100 * scores['std']:.1f}"
