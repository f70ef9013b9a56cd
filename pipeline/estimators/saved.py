"""A fitted estimator in a folder: JSON, Keras files and plain arrays. Nothing is pickled."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import keras
import numpy as np
from pydantic import TypeAdapter

from pipeline.config.task import Decided
from pipeline.config.untrained import UntrainedLevel
from pipeline.data.features.preprocessing import Preprocessing
from pipeline.data.source import Layout
from pipeline.errors import InputError
from pipeline.estimators.base import StackedEstimator
from pipeline.estimators.settings import plain
from pipeline.export.trained import Trained
from pipeline.files import atomic_write, folder_digest, text_digest
from pipeline.tasks import task_of
from pipeline.tasks.decision import Decision
from pipeline.tasks.task import Coding

DESCRIPTION, ARRAYS, NETWORK = "estimator.json", "arrays.npz", "network.keras"
DIGEST = "digest"
"""What the description calls the digest of the other files and of the rest of itself."""
FORMAT = 1
OBJECTS = ("feature_names_in_",)
"""Arrays of text that scikit-learn has as Python objects."""

Estimator = TypeVar("Estimator", bound=StackedEstimator)


def save(estimator: StackedEstimator, folder: Path) -> None:
    """Write a fitted estimator to a new folder, which appears whole or not at all.

    Raises `InputError` where the folder is there already.
    """
    if folder.exists():
        raise InputError(f"An estimator is saved to a new folder. {folder} is there already.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    attributes = {name: value for name, value in vars(estimator).items() if name != "model_"}
    if isinstance(estimator.random_state, np.random.RandomState):
        attributes["random_state"] = estimator._tree["seed"]  # what it gave
    arrays = {name: v for name, v in attributes.items() if isinstance(v, np.ndarray)}
    texts = {name: arrays[name].astype(str) for name in OBJECTS if name in arrays}
    with atomic_write(folder) as written:
        written.mkdir()
        np.savez(written / ARRAYS, allow_pickle=False, **{**arrays, **texts})
        for number, autoencoder in enumerate(estimator.model_.autoencoders, 1):
            autoencoder.save(written / _level(number))
        estimator.model_.network.save(written / NETWORK)
        description = {
            "format": FORMAT,
            "class": type(estimator).__name__,
            "attributes": {n: v for n, v in attributes.items() if n not in arrays},
            "model": _described(estimator.model_),
        }
        description = json.loads(json.dumps(description, default=plain))
        description[DIGEST] = _digest(written, description)
        (written / DESCRIPTION).write_text(json.dumps(description, indent=1), encoding="utf-8")


def load(kind: type[Estimator], folder: Path) -> Estimator:
    """The estimator that was saved, of this class.

    Raises `InputError` where the folder holds none, one of another class, or is damaged.
    """
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        whole = description[DIGEST] == _digest(folder, description)
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(f"{folder} holds no estimator of Layerwise's: {error}.") from error
    if not whole:
        raise InputError(f"{folder} is damaged: its files are not those that were saved.")
    if (description["class"], description["format"]) != (kind.__name__, FORMAT):
        raise InputError(
            f"{folder} must hold a {kind.__name__} of format {FORMAT}. It holds a "
            f"{description['class']} of format {description['format']}."
        )
    estimator = kind()
    for name, value in description["attributes"].items():
        setattr(estimator, name, value)
    with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
        for name, values in arrays.items():
            setattr(estimator, name, values.astype(object) if name in OBJECTS else values)
    estimator.model_ = _model(folder, description["model"])
    return estimator


def _described(model: Trained) -> dict[str, Any]:
    """All that a model is made of but its weights."""
    return {
        "name": model.name,
        "preprocessing": model.preprocessing.to_json(),
        "layout": model.layout and model.layout._asdict(),
        "stack": [level.model_dump(mode="json") for level in model.stack],
        "task": model.task.section.model_dump(mode="json"),
        "classes": model.classes,
        "coding": model.coding._asdict(),
        "decision": model.decision._asdict(),
    }


def _model(folder: Path, found: Mapping[str, Any]) -> Trained:
    stack = tuple(UntrainedLevel.model_validate(level) for level in found["stack"])
    decision = found["decision"]
    return Trained(
        name=found["name"],
        preprocessing=Preprocessing.from_json(found["preprocessing"]),
        stack=stack,
        autoencoders=[_keras(folder / _level(number)) for number in range(1, len(stack) + 1)],
        network=_keras(folder / NETWORK),
        task=task_of(TypeAdapter(Decided).validate_python(found["task"])),
        classes=tuple(found["classes"]),
        coding=Coding(**found["coding"]),
        decision=Decision(decision["temperature"], tuple(decision["thresholds"])),
        layout=Layout.from_json(found["layout"]) if found["layout"] else None,
    )


def _keras(file: Path) -> Any:
    return keras.saving.load_model(file, compile=False, safe_mode=True)


def _level(number: int) -> str:
    return f"level_{number}.keras"


def _digest(folder: Path, description: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in description.items() if name != DIGEST}
    files = folder_digest(folder, without=DESCRIPTION)
    return text_digest(files + json.dumps(rest, sort_keys=True))
