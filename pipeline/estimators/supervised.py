"""What the estimators that learn from labels have in common."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils.validation import _check_sample_weight

from pipeline.computing import import_quietly, set_tensorflow_environment
from pipeline.config.schema import RunConfig
from pipeline.data.source import Source
from pipeline.data.target import with_target
from pipeline.data.training_data import split_source, training_data
from pipeline.estimators.base import COMPUTING
from pipeline.estimators.codes import CodingEstimator
from pipeline.estimators.given import source_given
from pipeline.estimators.labels import labels_given, need_labels
from pipeline.estimators.progress import Telling
from pipeline.estimators.settings import WEIGHT, Levels
from pipeline.seeds import split_seed


class SupervisedEstimator(CodingEstimator):
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

    def fit(self, X: Any, y: Any, sample_weight: Any = None, unlabelled: Any = None) -> Self:
        """Pretrain a stack on all rows, and fine-tune it on those that have a label.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            Classes of any type, or numbers. A row whose label is NaN, None or "" has none.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row with a label counts; one that counts 0 has none.
        unlabelled : DataFrame or array-like of shape (n_more, n_features), default=None
            More rows, without a label.

        Raises
        ------
        InputError
            A `ValueError` that names all that is wrong with the rows or the parameters.
        DivergedError
            When the loss is no longer a finite number.
        """
        labels = self._labels(y)
        config = self._configured(X, y, sample_weight is not None)
        self._learn(config, self._source(X, labels, sample_weight, unlabelled, config))
        return self

    def compare(
        self, X: Any, y: Any, sample_weight: Any = None, unlabelled: Any = None
    ) -> pd.DataFrame:
        """Whether pretraining helps on these rows: the comparison of a run, as the command's.

        Every arm of `finetune.arms` and every reference model is trained on every label budget,
        with every seed, and scored on the same test rows: `fit` many times over. It need not be
        fitted before, and is not fitted after.

        A row for each label budget and each arm or model that `pretrained` is compared `against`:
        `labels`; mean and sample standard deviation of the scores, `pretrained`, `pretrained_std`,
        `other` and `other_std`; the mean paired `gain`, greater is better, with its 95 % interval,
        `low` and `high`, and `p`; and against `random` the `verdict`, whose `p` is corrected for
        the number of budgets. `attrs["metric"]` names the score.

        Parameters and errors are those of `fit`.
        """
        estimator = clone(self)
        labels = estimator._labels(y)
        config = estimator._configured(X, y, sample_weight is not None)
        source = estimator._source(X, labels, sample_weight, unlabelled, config)
        seeds = [split_seed(config.seed, number) for number in range(config.splits)]
        splits = [training_data(source, split_source(source, config.data, seed)) for seed in seeds]
        set_tensorflow_environment()
        import_quietly(COMPUTING)
        from pipeline.estimators.comparison import comparison

        return comparison(config, splits, Telling(self.verbose > 0))

    @classmethod
    def _params_of(cls, config: RunConfig) -> dict[str, Any]:
        return {**super()._params_of(config), "finetune": config.finetune.model_dump(mode="json")}

    def _labels(self, y: Any) -> np.ndarray:
        """The labels that are given. Raises `ValueError` where there are none."""
        need_labels(self, y)
        return labels_given(y)

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
