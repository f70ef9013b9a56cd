"""Export: one SavedModel from raw rows to predictions, codes, reconstructions and scores.

It needs TensorFlow to load and none of our code. Scaling, imputation and categories are inside.
"""

import json
from functools import partial
from pathlib import Path

import keras
import numpy as np

from pipeline.export.folder import METADATA
from pipeline.export.metadata import DIGEST, digest_of, metadata_of
from pipeline.export.signatures.endpoints import BY_SELECTION, Endpoints
from pipeline.export.signatures.raw_rows import input_signature
from pipeline.export.trained import Trained
from pipeline.export.verify import verify
from pipeline.files import new_version


def export(trained: Trained, directory: Path, numbers: np.ndarray, categories: np.ndarray) -> Path:
    """Write `directory/N/`, N the next free number, once the model is verified; give it back.

    The SavedModel is written to a hidden folder, loaded in a fresh process without our code and
    compared on the raw rows given (numbers (rows, number columns), categories (rows, category
    columns)); only then does it get its place. Raises `ExportError` when it differs by more than
    1e-5 of the largest value, and leaves nothing behind.
    """

    def write(folder: Path) -> None:
        _write(trained, folder)
        verify(trained, folder, numbers, categories)

    return new_version(directory, write)


def _write(trained: Trained, folder: Path) -> None:
    endpoints = Endpoints(trained, BY_SELECTION)
    archive = keras.export.ExportArchive()
    archive.track(endpoints)
    signature = input_signature(trained.preprocessing.columns, trained.by_name)
    for name in trained.endpoints:
        archive.add_endpoint(name, partial(endpoints.run, name), signature)
    archive.write_out(str(folder), verbose=False)
    extra = folder / "assets.extra"
    extra.mkdir()
    metadata = metadata_of(trained)
    metadata |= {DIGEST: digest_of(folder, metadata)}
    (extra / METADATA).write_text(json.dumps(metadata, indent=1))
