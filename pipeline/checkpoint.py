"""Where a level in training stands, on disk: a run that is killed goes on there.

A checkpoint is an .npz of plain arrays, its SHA-256 in its name. It is written aside and renamed,
so that there is always a whole one; one that was damaged is as good as none.
"""

import json
import logging
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from pipeline.keys import file_digest

SHARE = 0.01
"""Of the time of training, what writing checkpoints may take."""

Told = tuple[float, dict[str, float]]
"""Of one epoch: its mean training loss, and what was measured at its end."""


class Checkpoint:
    """The checkpoint of one stage, by its key."""

    def __init__(self, folder: Path, key: str):
        self._folder = folder
        self._key = key
        self.resumed = 0
        """Epochs that were done when it was loaded."""
        self._began = time.monotonic()
        self._spent = 0.0

    def load(self, variables: Sequence[keras.Variable]) -> list[Told]:
        """Set the variables as they were, in the order they were saved; tell of the epochs done."""
        for file in self._files():
            if file_digest(file) != file.stem.partition("-")[2]:
                logging.getLogger(__name__).warning("Checkpoint %s is damaged; left out.", file)
                file.unlink(missing_ok=True)
                continue
            with np.load(file, allow_pickle=False) as stored:
                for number, variable in enumerate(variables):
                    variable.assign(stored[str(number)])
                told = [(loss, metrics) for loss, metrics in json.loads(str(stored["told"]))]
                self.resumed = len(told)
                return told
        return []

    def save(self, variables: Sequence[keras.Variable], told: Sequence[Told]) -> None:
        """Write where training stands after these epochs.

        Left out when checkpoints took more than their share of the time, and when the disk fails.
        """
        began = time.monotonic()
        if self._spent > SHARE * (began - self._began):
            return
        before = self._files()
        try:
            written = self._write(variables, told)
        except OSError as error:
            logging.getLogger(__name__).warning("No checkpoint: %s. Training goes on.", error)
            return
        for file in before:
            if file != written:
                file.unlink(missing_ok=True)
        self._spent += time.monotonic() - began

    def _write(self, variables: Sequence[keras.Variable], told: Sequence[Told]) -> Path:
        arrays = {str(n): keras.ops.convert_to_numpy(v) for n, v in enumerate(variables)}
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=self._folder) as aside:
            file = Path(aside, "checkpoint.npz")
            np.savez(file, told=np.array(json.dumps(told)), **arrays)
            return file.rename(self._folder / f"{self._key}-{file_digest(file)}.npz")

    def remove(self) -> None:
        """The stage is done, and its outcome is stored elsewhere."""
        for file in self._files():
            file.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        """Those that are there, the latest first."""
        found = []
        for file in self._folder.glob(f"{self._key}-*.npz"):
            try:
                found.append((file.stat().st_mtime_ns, file))
            except FileNotFoundError:  # another process that does the same has finished
                continue
        return [file for _, file in sorted(found, reverse=True)]
