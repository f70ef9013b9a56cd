"""`score` and `predict` over 1 and over 10 million rows: their memory side by side, and rows/s.

Usage: python -m benchmarks.applications.stream [MILLIONS ...]

A small classifier of a table with eight columns of numbers is trained; then each command reads
rows of the same kind from Parquet and from CSV, and writes the same kind. What is told: the peak
of the memory of the process (`ru_maxrss`, as the kernel counted it), its seconds from start to end,
and rows a second in these, TensorFlow's import included. The rows lie in build/stream, about a
gigabyte for ten million, and are removed at the end.
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from benchmarks.running import BUILD, layerwise_run

FOLDER = BUILD / "stream"
MILLIONS = (1.0, 10.0)
COLUMNS = tuple(f"c{number}" for number in range(8))
BLOCK = 100_000
TRAINED = 5_000
LEVEL = "stack=[{units: 32, epochs: 5}]"
SETTINGS = (LEVEL, "finetune.seeds=2", "finetune.label_budgets=[500]")


class Measured(NamedTuple):
    """One command on one file."""

    command: str
    kind: str
    rows: int
    seconds: float
    peak: float
    """MiB."""


def blocks(rows: int, seed: int) -> Iterator[pa.Table]:
    """Rows of numbers with four digits, so many at a time."""
    rng = np.random.default_rng(seed)
    for start in range(0, rows, BLOCK):
        values = rng.normal(size=(min(BLOCK, rows - start), len(COLUMNS))).round(4)
        yield pa.table(dict(zip(COLUMNS, values.T.copy(), strict=True)))


def write(rows: int, kind: str) -> Path:
    """A file of rows that nobody trained on."""
    file = FOLDER / f"rows.{kind}"
    schema = pa.schema([(name, pa.float64()) for name in COLUMNS])
    writer = pa.csv.CSVWriter if kind == "csv" else pa.parquet.ParquetWriter
    with writer(file, schema) as out:
        for block in blocks(rows, seed=1):
            out.write_table(block)
    return file


def model() -> str:
    """A small classifier, exported."""
    table = next(blocks(TRAINED, seed=0)).to_pandas()
    table["y"] = (table["c0"] + table["c1"] ** 2 > 1).astype(int)
    table.to_csv(FOLDER / "train.csv", index=False)
    settings = [part for change in SETTINGS for part in ("--set", change)]
    given = ("--data", FOLDER / "train.csv", "--label", "y", "--set", "name=stream")
    return layerwise_run("stream", *given, *settings)["export"]["path"]


def measure(command: str, model: str, file: Path, rows: int) -> Measured:
    """One command in a process of its own."""
    program = Path(sys.executable).with_name("layerwise")
    output = FOLDER / f"out{file.suffix}"
    began = time.monotonic()
    child = os.posix_spawn(
        program,
        [program, command, model, file, "-o", output],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(child, 0)
    seconds = time.monotonic() - began
    if status:
        raise RuntimeError(f"{command} of {file} ended with status {status}")
    output.unlink()
    return Measured(command, file.suffix[1:], rows, seconds, usage.ru_maxrss / 2**10)


def main(millions: list[float]) -> None:
    """Measure all, print a Markdown table, write JSON."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    exported = model()
    found: list[Measured] = []
    for kind in ("parquet", "csv"):
        for number in millions:
            rows = round(number * 1e6)
            file = write(rows, kind)
            found += [measure(command, exported, file, rows) for command in ("score", "predict")]
            file.unlink()
    (BUILD / "stream.json").write_text(json.dumps([row._asdict() for row in found], indent=1))
    shutil.rmtree(FOLDER)
    print("| command | from and to | rows | seconds | rows/s | peak memory, MiB |")
    print("| - | - | -: | -: | -: | -: |")
    for row in sorted(found, key=lambda row: (row.kind, row.command, row.rows)):
        print(
            f"| {row.command} | {row.kind} | {row.rows:,} | {row.seconds:.0f} | "
            f"{row.rows / row.seconds:,.0f} | {row.peak:,.0f} |"
        )


if __name__ == "__main__":
    main([float(argument) for argument in sys.argv[1:]] or list(MILLIONS))
