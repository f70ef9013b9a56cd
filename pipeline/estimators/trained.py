"""What estimators have in common whose network is exported: all but the encoder."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from sklearn.utils.validation import check_is_fitted

from pipeline.computing import import_quietly
from pipeline.data.prepared import EXAMPLE_ROWS
from pipeline.data.rows.sample import sample
from pipeline.data.source import Source
from pipeline.estimators.base import COMPUTING, StackedEstimator
from pipeline.estimators.given import rows_given
from pipeline.seeds import derive

if TYPE_CHECKING:
    from pipeline.estimators.learning import Learned


class TrainedEstimator(StackedEstimator):
    """A stack of sparse autoencoders with what is trained on top of it."""

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

    def _keep(self, learned: "Learned", source: Source, test: np.ndarray, seed: int) -> None:
        """Keep what was learned of a source, and some of its `test` rows to verify an export by."""
        self.model_ = learned.trained
        self.levels_ = learned.levels
        self.scores_ = learned.scores
        self.validation_score_ = learned.validation_score
        example = sample(test, EXAMPLE_ROWS, derive(seed, "example"))
        self._example_numbers = source.numbers[example].astype(np.float64)
        self._example_categories = source.categories[example]

    def _outputs(self, X: Any) -> np.ndarray:
        """What the network gives for rows, float32 (rows, outputs)."""
        check_is_fitted(self)
        from pipeline.estimators.outputs import network_outputs

        preprocessing = self.model_.preprocessing
        rows = rows_given(self, X, preprocessing.columns, self.model_.layout)
        features = preprocessing.apply(rows.numbers, rows.categories)
        return network_outputs(self.model_.network, features)
