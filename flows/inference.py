"""A model applied to rows: what the commands and the scheduled flow share."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypedDict

from flows.interpreter import collector_paused, import_tensorflow

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
        import pipeline.export.apply  # noqa: F401
        from pipeline.export.folder import model_folder
        from pipeline.tracking.registry import download_model

    if not is_registered(model):
        yield model_folder(Path(model))
        return
    with TemporaryDirectory() as scratch:
        yield model_folder(download_model(model, Path(scratch)))


def kept_columns(given: Sequence[str]) -> tuple[str, ...]:
    """The columns that `--keep` names, each time it is given: by commas."""
    return tuple(name.strip() for names in given for name in names.split(",") if name.strip())
