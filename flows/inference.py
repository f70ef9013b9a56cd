"""A model applied to rows: what the commands and the scheduled flow share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypedDict

from flows.interpreter import collector_paused, import_tensorflow

if TYPE_CHECKING:
    import pandas as pd

ENDPOINTS = {
    "predict": "serve",
    "encode": "encode",
    "reconstruct": "reconstruct",
    "score": "score",
}
"""What each command asks of a model."""


class Scored(TypedDict):
    """What a scheduled run did."""

    model: str
    """The version, `models:/digits/3`, or the exported folder, `/srv/exports/digits/3`."""
    rows: int
    files: list[str]


def is_registered(model: str) -> bool:
    """Whether MLflow has the model; else it is an exported folder."""
    return model.startswith(("models:/", "runs:/"))


@contextmanager
def model_at(model: str) -> Iterator[Path]:
    """The folder of an exported or registered model, which is there while the block lasts.

    Raises `InputError` where there is none.
    """
    with collector_paused():
        import_tensorflow()
        import pipeline.export.inference  # noqa: F401
        from pipeline.export.folder import model_folder
        from pipeline.tracking.registry import download_model

    if not is_registered(model):
        yield model_folder(Path(model))
        return
    with TemporaryDirectory() as scratch:
        yield model_folder(download_model(model, Path(scratch)))


def apply_model(folder: Path, command: str, data: str) -> "pd.DataFrame":
    """What the model gives for each row of the data. Raises `InputError` where they do not fit."""
    from pipeline.data.sources.read import read_rows
    from pipeline.export.inference import infer, model_columns

    rows = read_rows(data, model_columns(folder))
    return infer(folder, ENDPOINTS[command], rows.numbers, rows.categories)
