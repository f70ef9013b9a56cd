"""What all estimators have in common: parameters, the config they stand for, what is kept."""

import warnings
from collections.abc import Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import yaml
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted

from pipeline.computing import import_quietly, set_tensorflow_environment
from pipeline.config.data import SOURCES
from pipeline.config.loading import check
from pipeline.config.schema import RunConfig
from pipeline.data.prepared import EXAMPLE_ROWS
from pipeline.data.rows.sample import sample
from pipeline.data.source import Source
from pipeline.data.training_data import split_source, training_data
from pipeline.estimators.frames import category_columns
from pipeline.estimators.given import is_frame, rows_given
from pipeline.estimators.logged import CLONES, logged
from pipeline.estimators.progress import Telling
from pipeline.estimators.settings import ARRAYS, TABLE, TARGET, WEIGHT, Levels, config_tree
from pipeline.seeds import derive

if TYPE_CHECKING:
    from pipeline.estimators.learning import Learned
    from pipeline.export.trained import Trained

COMPUTING = ("pipeline.estimators.saved",)
"""What needs TensorFlow, which takes seconds to import."""


class StackedEstimator(BaseEstimator):
    """A stack of sparse autoencoders and, of most, what is trained on top of it."""

    _task: ClassVar[str]
    """As the config calls it."""

    stack: Levels | None
    data: Mapping[str, Any] | None
    preset: str | None
    random_state: int | np.random.RandomState | None
    verbose: int
    model_: "Trained"

    def config(self, source: str | None = None) -> str:
        """The YAML with which `layerwise run` trains this network from the same rows in a file.

        `source` is that file: of an array an .npz with `x` and, where labels are learned from,
        `y`; of a DataFrame a table, which then has the labels in the column `data.label` too. By
        default it is called as the rows were that were fitted, or are an array.
        """
        tree = self._tree if hasattr(self, "_tree") else self._tree_of(None, None, False)
        if source is not None:
            tree = {**tree, "data": {**tree["data"], "source": source}}
        return yaml.safe_dump(tree, sort_keys=False)

    def export(self, directory: str | Path) -> Path:
        """Write the network as a SavedModel to `directory/1/`, or the next free number.

        It takes raw rows and needs TensorFlow alone; a fresh process verifies it first. Raises
        `ExportError` where it does not give what the network gives.
        """
        check_is_fitted(self)
        import_quietly((*COMPUTING, "pipeline.export.saved_model"))
        from pipeline.export.saved_model import export

        place = Path(directory).resolve()  # the process that verifies it works in another folder
        return export(self.model_, place, self._example_numbers, self._example_categories)

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

    @classmethod
    def _params_of(cls, config: RunConfig) -> dict[str, Any]:
        """The parameters of an estimator that stands for a run's config."""
        settings = config.model_dump(mode="json")
        data = {key: value for key, value in settings["data"].items() if key not in GIVEN}
        return {"stack": settings["stack"], "data": data, "random_state": config.seed}

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

    def _learn(self, config: RunConfig, source: Source) -> None:
        """Train on a source with its target, and keep what was learned.

        Raises `InputError` and `DivergedError`.
        """
        found = split_source(source, config.data, config.seed)
        self._say(found.usable.notes)
        set_tensorflow_environment()
        import_quietly(COMPUTING)
        from pipeline.estimators.learning import learn

        with logged(self, config) as log:
            telling = Telling(self.verbose > 0, log)
            learned = learn(config, training_data(source, found), telling)
            self._keep(learned, source, found.split.parts.test, config.seed)

    def _keep(self, learned: "Learned", source: Source, test: np.ndarray, seed: int) -> None:
        """Keep what was learned of a source, and some of its `test` rows to verify an export by."""
        self.model_ = learned.trained
        self.levels_ = learned.levels
        self.scores_ = learned.scores
        self.validation_score_ = learned.validation_score
        example = sample(test, EXAMPLE_ROWS, derive(seed, "example"))
        self._example_numbers = source.numbers[example].astype(np.float64)
        self._example_categories = source.categories[example]

    def _features(self, X: Any) -> np.ndarray:
        """Scaled rows, float32 (rows, features)."""
        check_is_fitted(self)
        preprocessing = self.model_.preprocessing
        rows = rows_given(self, X, preprocessing.columns, self.model_.layout)
        return preprocessing.apply(rows.numbers, rows.categories)

    def _outputs(self, X: Any) -> np.ndarray:
        """What the network gives for rows, float32 (rows, outputs)."""
        features = self._features(X)
        from pipeline.estimators.outputs import network_outputs

        return network_outputs(self.model_.network, features)

    def _say(self, notes: Sequence[str]) -> None:
        """Warn of what was decided about the rows, where that is wanted."""
        self.notes_ = list(notes)
        if self.verbose:
            for note in notes:
                warnings.warn(note, stacklevel=4)

    def __sklearn_clone__(self) -> Self:
        made: Self = super().__sklearn_clone__()
        CLONES.add(made)
        return made

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


GIVEN = (*SOURCES, "label", "weight")
"""Keys of the config's `data` that an estimator has from what `fit` is given."""


def _free_name(wanted: object, taken: Any) -> str:
    """The name of a new column beside others."""
    name = str(wanted)
    while name in map(str, taken):
        name += "_"
    return name
