"""Built-in sources: digits comes with scikit-learn, the others are looked for, then downloaded."""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from pipeline.data.sources.arrays import read_npz
from pipeline.data.sources.idx import holds_idx, read_idx_folder
from pipeline.data.sources.matrix import Arrays, ArraysReader, stacked
from pipeline.errors import InputError

Builtin = Literal["digits", "fashion_mnist", "mnist", "cifar10"]
BUILTINS: tuple[Builtin, ...] = get_args(Builtin)

DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")  # Debian: dataset-fashion-mnist

_FASHION_MNIST_CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
_CIFAR10_CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)


class BuiltinReader(ArraysReader):
    """A source that is known by its name."""

    def recognises(self, spec: str) -> bool:
        """Whether the name is one of them; a folder of that name is ./NAME."""
        return spec in BUILTINS

    def arrays(self, spec: str) -> Arrays:
        """See `read_builtin`."""
        return read_builtin(next(name for name in BUILTINS if name == spec))


def read_builtin(name: Builtin) -> Arrays:
    """The rows of a built-in source, its classes by name.

    Raises:
        InputError: when it is on this machine nowhere and cannot be downloaded.
    """
    match name:
        case "digits":
            return _digits()
        case "fashion_mnist":
            return _with_names(_found(name), _FASHION_MNIST_CLASSES)
        case "mnist":
            return _found(name)
        case "cifar10":
            return _with_names(_found(name), _CIFAR10_CLASSES)


def _digits() -> Arrays:
    """As `sklearn.datasets.load_digits` gives them, without the second that its import takes."""
    found = find_spec("sklearn")
    assert found and found.submodule_search_locations
    file = Path(found.submodule_search_locations[0], "datasets", "data", "digits.csv.gz")
    table = np.loadtxt(file, delimiter=",")
    images, labels = table[:, :-1].reshape(-1, 8, 8), table[:, -1].astype(np.int64)
    return Arrays("digits", "scikit-learn", images, labels, None)


def _with_names(arrays: Arrays, classes: tuple[str, ...]) -> Arrays:
    labels = np.ravel(arrays.y).astype(np.int64) if arrays.y is not None else np.empty(0, np.int64)
    if len(labels) != len(arrays.x) or labels.min() < 0 or labels.max() >= len(classes):
        raise InputError(
            f"{arrays.name} needs a label from 0 to {len(classes) - 1} for each row. The copy in "
            f"{arrays.origin} has other ones. Fetch it again."
        )
    return arrays._replace(y=np.array(classes)[labels])


def _found(name: Builtin) -> Arrays:
    """The first copy on this machine, or else Keras's download."""
    places = list(_places(name))
    for place in places:
        if place.is_dir() and holds_idx(place):
            return read_idx_folder(place)._replace(name=name, origin=str(place))
        if place.is_file():
            return read_npz(place)._replace(name=name, origin=str(place))
    return _downloaded(name, places)


def _places(name: Builtin) -> Iterator[Path]:
    """Where copies may be: folders of IDX files, and .npz files as Keras writes them."""
    dashed = {"fashion_mnist": "fashion-mnist", "cifar10": "cifar-10"}.get(name, name)
    if name == "fashion_mnist":
        yield DEBIAN_FASHION_MNIST
    if folder := os.environ.get("LAYERWISE_DATA"):
        # IDX files do not say what they are: for MNIST, the folder must bear the name.
        if name == "fashion_mnist":
            yield Path(folder)
        for stem in (name, dashed):
            yield Path(folder, stem)
            yield Path(folder, f"{stem}.npz")
    cache = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "datasets"
    yield cache / dashed
    yield cache / f"{name}.npz"


def _downloaded(name: Builtin, places: list[Path]) -> Arrays:
    try:
        import keras

        train, test = getattr(keras.datasets, name).load_data()
    except Exception as error:  # Keras raises bare exceptions for a failed download.
        looked_at = ", ".join(str(place) for place in dict.fromkeys(places))
        raise InputError(
            f"{name} is not on this machine and cannot be downloaded ({error}). Looked for at: "
            f"{looked_at}. Put it in a folder and name that folder in the environment variable "
            "LAYERWISE_DATA, or connect this machine to the internet."
        ) from error
    return Arrays(name, "Keras", *stacked(train, test, name))
