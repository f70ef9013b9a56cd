"""What all estimators have in common: their parameters, the config that these stand for."""

import warnings
from collections.abc import Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted

from pipeline.computing import import_quietly, set_tensorflow_environment
from pipeline.config.loading import check
from pipeline.config.schema import RunConfig
from pipeline.estimators.frames import category_columns
from pipeline.estimators.given import is_frame
from pipeline.estimators.settings import ARRAYS, TABLE, TARGET, WEIGHT, Levels, config_tree

COMPUTING = ("pipeline.estimators.saved",)
"""What needs TensorFlow, which takes seconds to import."""


class StackedEstimator(BaseEstimator):
    """A stack of sparse autoencoders and, of some, a head."""

    _task: ClassVar[str]
    """As the config calls it."""

    stack: Levels | None
    data: Mapping[str, Any] | None
    preset: str | None
    random_state: int | np.random.RandomState | None
    verbose: int
    model_: Any
    """What was fitted: `Trained` or `Encoder`."""

    def _configured(self, X: Any, y: Any, weighed: bool) -> RunConfig:
        """The config for these rows, which is kept. Raises `InputError` for what is wrong in it."""
        self._tree = self._tree_of(X, y, weighed)
        return check(self._tree)

    def _tree_of(self, X: Any, y: Any, weighed: bool) -> dict[str, Any]:
        data = {**(self.data or {}), "source": ARRAYS}
        if is_frame(X):
            said = [*data.get("categorical", ()), *category_columns(X)]
            data |= {
                "source": TABLE,
                "label": []
                if y is None
                else _free_name(getattr(y, "name", None) or TARGET, X.columns),
                **({"categorical": list(dict.fromkeys(said))} if said else {}),
                **({"weight": _free_name(WEIGHT, X.columns)} if weighed else {}),
            }
        finetune = getattr(self, "finetune", None)
        return config_tree(self._task, self._seed(), self.stack, data, finetune, self.preset)

    def _seed(self) -> int:
        if isinstance(self.random_state, Integral):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def save(self, folder: str | Path) -> None:
        """Write the fitted estimator to a new folder, as JSON, Keras files and plain arrays.

        Raises `InputError` where the folder is there already.
        """
        check_is_fitted(self)
        import_quietly(COMPUTING)
        from pipeline.estimators.saved import save

        save(self, Path(folder))

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """The estimator that was saved in a folder. Nothing in it is unpickled, no code is run.

        Raises `InputError` where it holds none of this class, or is damaged.
        """
        set_tensorflow_environment()
        import_quietly(COMPUTING)
        from pipeline.estimators.saved import load

        return load(cls, Path(folder))

    def _say(self, notes: Sequence[str]) -> None:
        """Warn of what was decided about the rows, where that is wanted."""
        self.notes_ = list(notes)
        if self.verbose:
            for note in notes:
                warnings.warn(note, stacklevel=4)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _free_name(wanted: object, taken: Any) -> str:
    """The name of a new column beside others."""
    name = str(wanted)
    while name in map(str, taken):
        name += "_"
    return name
