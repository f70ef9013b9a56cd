"""A model applied to rows: what the commands and the scheduled flow share."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypedDict

from flows.interpreter import collector_paused, import_tensorflow
from pipeline.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

ENDPOINTS = {
    "predict": "serve",
    "encode": "encode",
    "reconstruct": "reconstruct",
    "score": "score",
}
"""What each command asks of a model."""


MODEL_VERSION = "model_version"
"""What the results of a scheduled run call the column that says which model gave them."""


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


def apply_model(
    folder: Path,
    command: str,
    data: str,
    keep: Sequence[str] = (),
    level: int | None = None,
    dims: int | None = None,
) -> tuple["pd.DataFrame", tuple[str, ...]]:
    """What the model gives for each row of the data, and notes for people.

    The columns of the data to `keep` come first. A `level` is that whose code is asked for, `dims`
    how many dimensions of the whole stack's. Raises `InputError` where data do not fit.
    """
    import pandas as pd

    from pipeline.export.codes import check_dims, check_level
    from pipeline.export.inference import describe_model, infer, rows_for

    endpoint = ENDPOINTS[command]
    if level is not None:
        endpoint = check_level(describe_model(folder), level, dims)
    elif dims is not None:
        check_dims(describe_model(folder), dims)
    rows = rows_for(folder, data, keep)
    found = infer(folder, endpoint, rows.numbers, rows.categories)
    if dims is not None:
        found = found.iloc[:, :dims]
    if rows.kept is None:
        return found, rows.notes
    kept = rows.kept.to_pandas()
    if taken := [name for name in kept if name in found or name == MODEL_VERSION]:
        raise InputError(
            f"Columns to keep need names of their own. {', '.join(map(repr, taken))} of {data} is "
            "what the model calls a column of its output. Leave it out of --keep."
        )
    return pd.concat([kept, found], axis=1), rows.notes


def kept_columns(given: Sequence[str]) -> tuple[str, ...]:
    """The columns that `--keep` names, each time it is given: by commas."""
    return tuple(name.strip() for names in given for name in names.split(",") if name.strip())
