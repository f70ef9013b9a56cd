"""Coverage-guided fuzzing of the readers and the config: only the house's own error may come out.

Atheris is no pinned requirement: `pip install atheris` first (Python 3.11 to 3.13).

Usage: python -m benchmarks.fuzz.readers CORPUS [options of libFuzzer, -max_total_time=3600]
"""

import json
import sys
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["pipeline", "yaml"]):
    from pipeline.config.data import DataConfig
    from pipeline.config.loading import load
    from pipeline.config.task import AutoTask
    from pipeline.data.describe import describe
    from pipeline.data.problems import usable
    from pipeline.data.source import Column
    from pipeline.data.sources.read import read, read_rows
    from pipeline.data.target import with_target

from pipeline.errors import InputError

SUFFIXES = [".npz", ".npy", ".csv", ".parquet", ".yaml", ".folder", ".arrays"]
COLUMNS = (Column("x0", "number"), Column("word", "category"))
FOLDER = Path(tempfile.mkdtemp())


def seed(corpus: Path) -> None:
    """Small whole files to begin from, each after the number of its kind."""
    import io

    import numpy as np
    import pandas as pd

    matrix = np.arange(72.0).reshape(24, 3)
    table = pd.DataFrame(matrix, columns=["x0", "x1", "x2"]).assign(y=["a", "b", ""] * 8)
    files = [io.BytesIO() for _ in range(4)]
    np.savez(files[0], x=matrix, y=np.arange(24) % 2)
    np.save(files[1], matrix)
    table.to_csv(files[2], index=False)
    table.to_parquet(files[3])
    contents = [file.getvalue() for file in files]
    contents.append(b"stack: [{units: 8, sparsity: {mechanism: topk, k: 2}}]\ndata: {label: y}\n")
    contents.append(bytes([0, 0, 8, 2, 0, 0, 0, 4, 0, 0, 0, 2, *range(8)]))
    contents.append(contents[1])
    corpus.mkdir(parents=True, exist_ok=True)
    for kind, content in enumerate(contents):
        (corpus / f"seed{kind}").write_bytes(bytes([kind]) + content)


def use(content: bytes) -> None:
    """Read a file of the kind that the first byte names in every way there is."""
    if not content:
        return
    suffix = SUFFIXES[content[0] % len(SUFFIXES)]
    path = FOLDER / f"given{suffix}"
    if suffix == ".folder":
        path.mkdir(exist_ok=True)
        (path / "train-images-idx3-ubyte").write_bytes(content[1:])
        (path / "train-labels-idx1-ubyte").write_bytes(content[1:])
    elif suffix == ".arrays":
        path.mkdir(exist_ok=True)
        (path / "x.npy").write_bytes(content[1:])
    else:
        path.write_bytes(content[1:])
    if suffix == ".yaml":
        with suppress(InputError):
            load(str(path))
        return
    with suppress(InputError):
        read_rows(str(path), COLUMNS)
    for changes in ({}, {"label": "y", "missing": "impute"}, {"memory": 1e-6}):
        with suppress(InputError):
            config = DataConfig(source=str(path), **changes)
            source = with_target(read(config, FOLDER), AutoTask(), config)
            json.dumps(describe(source, config, usable(source, config, seed=0)), allow_nan=False)


def main() -> None:
    """Fuzz until something else than `InputError` comes out, or the time is over."""
    warnings.simplefilter("ignore")
    seed(Path(sys.argv[1]))
    atheris.Setup(sys.argv, use)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
