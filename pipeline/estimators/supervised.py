"""What the estimators that learn from labels have in common."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from pipeline.computing import import_quietly, set_tensorflow_environment
from pipeline.config.schema import RunConfig
from pipeline.data.source import Source
from pipeline.data.target import with_target
from pipeline.data.training_data import split_source, training_data
from pipeline.estimators.base import StackedEstimator
from pipeline.estimators.given import rows_given, source_given
from pipeline.estimators.progress import ProgressLine
from pipeline.estimators.settings import WEIGHT, Levels


class SupervisedEstimator(StackedEstimator):
    """A stack of sparse autoencoders with a head."""

    def __init__(
        self,
        stack: Levels | None = None,
        finetune: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        preset: str | None = None,
        random_state: int | np.random.RandomState | None = 0,
        verbose: int = 0,
    ):
        self.stack = stack
        self.finetune = finetune
        self.data = data
        self.preset = preset
        self.random_state = random_state
        self.verbose = verbose

    def _learn(
        self, X: Any, y: Any, labels: np.ndarray, sample_weight: Any, unlabelled: Any
    ) -> None:
        """Pretrain the stack and fine-tune it with a head; what it came to is kept."""
        config = self._configured(X, y, sample_weight is not None)
        source = self._source(X, labels, sample_weight, unlabelled, config)
        found = split_source(source, config.data, config.seed)
        self._say(found.usable.notes)
        set_tensorflow_environment()
        import_quietly(("pipeline.estimators.learning",))
        from pipeline.estimators.learning import learn

        learned = learn(config, training_data(source, found), ProgressLine(self.verbose > 0))
        self.model_ = learned.trained
        self.levels_ = learned.levels
        self.scores_ = learned.scores
        self.validation_score_ = learned.validation_score

    def _source(
        self,
        X: Any,
        labels: np.ndarray,
        sample_weight: Any,
        unlabelled: Any,
        config: RunConfig,
    ) -> Source:
        weights, data = None, config.data.model_copy(update={"weight": None})
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, labels, dtype=np.float64)
        source = source_given(self, X, labels, weights, unlabelled, data)
        named = {"weight": None if weights is None else WEIGHT}
        return with_target(source, config.task, config.data.model_copy(update=named))

    def _outputs(self, X: Any) -> np.ndarray:
        """What the network gives for rows, float32 (rows, outputs)."""
        check_is_fitted(self)
        from pipeline.estimators.outputs import network_outputs

        preprocessing = self.model_.preprocessing
        rows = rows_given(self, X, preprocessing.columns, self.model_.layout)
        features = preprocessing.apply(rows.numbers, rows.categories)
        return network_outputs(self.model_.network, features)
