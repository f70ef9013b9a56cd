"""The rows that a level reads: the data, or the codes of the level below, computed once."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from layers import SparseAutoencoder
from pipeline.data.rows.streamed import Rows, StreamedRows, at, write_rows
from pipeline.files import atomic_write
from pipeline.stages.base import Outcome
from pipeline.stages.context import Context, Run, context_of
from pipeline.tracking.models import AUTOENCODER, stored_model
from pipeline.training.stack import encoded


def rows_of_level(
    context: Context,
    stack: int,
    below: Sequence[Outcome],
    passed_on: Sequence[str],
    memory: int | None,
) -> list[Rows]:
    """Pretraining rows, and validation rows to measure, as the topmost level below passes them on.

    Without levels below they are the data itself. Codes are kept in scratch until those of the next
    level are there. Rows stay on disk where `memory` says how many bytes of them may be read.
    """
    if not below:
        data = context.data_of(stack)
        stored = data.rows
        if isinstance(stored, np.memmap):  # reading leaves no pages of the file in this process
            stored = StreamedRows(Path(str(stored.filename)), context.run.data.memory_bytes)
        parts = data.splits.pretrain, data.splits.pretrain_validation
        return [at(stored, part) if memory else stored[part] for part in parts]
    scratch = context.scratch
    files = [scratch / f"{part}-{stack}-{len(below)}.npy" for part in ("pretrain", "validation")]
    if not all(file.exists() for file in files):
        _write_codes(context, stack, below, passed_on, files)
    codes = [StreamedRows(file, memory or context.run.data.memory_bytes) for file in files]
    return [part if memory else part[:] for part in codes]


def _write_codes(
    context: Context,
    stack: int,
    below: Sequence[Outcome],
    passed_on: Sequence[str],
    files: Sequence[Path],
) -> None:
    """Encode the rows of the topmost level into `files`; those below are no longer needed."""
    *lower, top = below
    autoencoder = stored_autoencoder(context, top)
    read = rows_of_level(context, stack, lower, passed_on[:-1], context.run.data.memory_bytes)
    for file, rows in zip(files, read, strict=True):
        with atomic_write(file) as written:
            write_rows(written, encoded(autoencoder, rows, passed_on[-1]))
    for codes in context.scratch.glob(f"*-{stack}-{len(lower)}.npy"):
        codes.unlink()


def stored_autoencoder(context: Context, level: Outcome) -> SparseAutoencoder:
    """The autoencoder that a level's run stored."""
    return _autoencoder(context.run, level.run_id)


@lru_cache(maxsize=16)
def _autoencoder(run: Run, run_id: str) -> SparseAutoencoder:
    return stored_model(context_of(run).tracker, run_id, AUTOENCODER)
