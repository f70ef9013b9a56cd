"""What all estimators have in common: their parameters, the config that these stand for."""

import warnings
from collections.abc import Mapping
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import yaml
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, check_random_state

from pipeline.config.loading import check
from pipeline.config.schema import RunConfig
from pipeline.estimators.frames import category_columns
from pipeline.estimators.given import is_frame
from pipeline.estimators.settings import ARRAYS, TABLE, TARGET, WEIGHT, Levels, config_tree


class StackedEstimator(BaseEstimator):
    """A stack of sparse autoencoders and, of some, a head."""

    _task: ClassVar[str]
    """As the config calls it."""

    stack: Levels | None
    data: Mapping[str, Any] | None
    preset: str | None
    random_state: int | np.random.RandomState | None
    verbose: int

    def config(self, source: str | None = None) -> str:
        """The YAML with which `layerwise run` trains this network from the same rows in a file.

        `source` is that file: of an array an .npz with `x` and `y`; of a DataFrame a table that
        has the labels in the column `data.label` too. By default it is called as the rows were
        that were fitted, or are an array.
        """
        tree = self._tree if hasattr(self, "_tree") else self._tree_of(None, None, False)
        if source is not None:
            tree = {**tree, "data": {**tree["data"], "source": source}}
        return yaml.safe_dump(tree, sort_keys=False)

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
                "label": _free_name(getattr(y, "name", None) or TARGET, X.columns),
                **({"categorical": list(dict.fromkeys(said))} if said else {}),
                **({"weight": _free_name(WEIGHT, X.columns)} if weighed else {}),
            }
        finetune = getattr(self, "finetune", None)
        return config_tree(self._task, self._seed(), self.stack, data, finetune, self.preset)

    def _seed(self) -> int:
        if isinstance(self.random_state, Integral):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _say(self, notes: tuple[str, ...]) -> None:
        """Warn of what was decided about the rows, where that is wanted."""
        self.notes_ = notes
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
