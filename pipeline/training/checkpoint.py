"""Where a level in training stands, on disk: a run that is killed goes on there.

A checkpoint is an .npz of plain arrays, its SHA-256 in its name. It is renamed when it is whole,
so that there is always a whole one; one that was damaged counts as none.
"""

import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pipeline.files import file_digest, hidden_folder

if TYPE_CHECKING:
    import keras

SHARE = 0.01
"""Of the time of training, what writing checkpoints may take."""


class EpochRecord(NamedTuple):
    """What is known of an epoch that is done."""

    loss: float
    """Mean training loss."""
    metrics: dict[str, float]
    """Measured at its end."""


class TrainingState(NamedTuple):
    """How far training a level has come."""

    history: list[EpochRecord]
    """Of each epoch that is done."""
    losses: list[float]
    """Of the blocks of steps that are done of the epoch after those."""
    step: int
    """How many steps that is."""


class Checkpoint:
    """The checkpoint of one stage, by its key."""

    def __init__(self, folder: Path, key: str):
        self._folder = folder
        self._key = key
        self.resumed = 0
        """Epochs that were done when it was loaded."""
        self._began = time.monotonic()
        self._spent = 0.0

    def load(self, variables: "Sequence[keras.Variable]") -> TrainingState:
        """Set the variables as they were, in the order they were saved; give back the state."""
        for file in self._files():
            if file_digest(file) != file.stem.partition("-")[2]:
                logging.getLogger(__name__).warning("Checkpoint %s is damaged; left out.", file)
                file.unlink(missing_ok=True)
                continue
            with np.load(file, allow_pickle=False) as stored:
                for number, variable in enumerate(variables):
                    variable.assign(stored[str(number)])
                history, losses, step = json.loads(str(stored["state"]))
                self.resumed = len(history)
                return TrainingState([EpochRecord(*epoch) for epoch in history], losses, step)
        return TrainingState([], [], 0)

    def save(self, variables: "Sequence[keras.Variable]", state: TrainingState) -> None:
        """Write where training stands.

        Left out when checkpoints took more than their share of the time, and when the disk fails.
        """
        began = time.monotonic()
        if self._spent > SHARE * (began - self._began):
            return
        before = self._files()
        try:
            written = self._write(variables, state)
        except OSError as error:
            logging.getLogger(__name__).warning("No checkpoint: %s. Training goes on.", error)
            return
        for file in before:
            if file != written:
                file.unlink(missing_ok=True)
        self._spent += time.monotonic() - began

    def _write(self, variables: "Sequence[keras.Variable]", state: TrainingState) -> Path:
        arrays: dict[str, Any] = {str(n): np.asarray(v) for n, v in enumerate(variables)}
        self._folder.mkdir(parents=True, exist_ok=True)
        with hidden_folder(self._folder) as hidden:
            file = hidden / "checkpoint.npz"
            np.savez(file, state=np.array(json.dumps(state)), **arrays)
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
