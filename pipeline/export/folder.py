"""Where an exported model is: found without TensorFlow."""

from pathlib import Path

from pipeline.errors import InputError

METADATA = "layerwise.json"
"""In its `assets.extra`: what an exported model says of itself."""


def model_folder(path: Path) -> Path:
    """The SavedModel at a path: the folder itself, or its highest-numbered version.

    Raises `InputError` when there is none.
    """
    versions = sorted((p for p in path.glob("*/saved_model.pb")), key=_version)
    folder = (
        path if (path / "saved_model.pb").exists() else versions[-1].parent if versions else None
    )
    if folder is None or not (folder / "assets.extra" / METADATA).exists():
        what = "is not a folder that Layerwise exported" if path.exists() else "does not exist"
        raise InputError(
            f"The model {str(path)!r} {what}. Give an exported folder (exports/NAME or "
            "exports/NAME/1) or a registered model (models:/NAME@ALIAS)."
        )
    return folder


def _version(path: Path) -> int:
    return int(path.parent.name) if path.parent.name.isdigit() else -1
