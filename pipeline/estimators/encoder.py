"""Codes of rows, and rows of codes; no label is read."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, check_is_fitted

from pipeline.computing import import_quietly, set_tensorflow_environment
from pipeline.data.features.operations import NUMPY
from pipeline.data.training_data import prepared_without_labels
from pipeline.errors import InputError
from pipeline.estimators.base import COMPUTING, StackedEstimator
from pipeline.estimators.given import rows_given, source_given
from pipeline.estimators.originals import columns_of
from pipeline.estimators.progress import ProgressLine
from pipeline.estimators.settings import Levels


class StackedEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, StackedEstimator):
    """A stack of sparse autoencoders, pretrained one at a time: rows become sparse codes.

    All rows pretrain but 15 %, on which it is measured how well they are reconstructed.

    Parameters
    ----------
    stack : list of int or dict, default=None
        The levels from the rows upward: units, or a section of the config's `stack`. By default
        those that the command has for arrays, or for tables.
    data : dict, default=None
        Keys of the config's section `data`, such as `{"scaling": "standard"}`.
    preset : str, default=None
        A preset's name or a YAML file, which the other parameters change.
    random_state : int, RandomState or None, default=0
        All randomness derives from it.
    verbose : int, default=0
        From 1 on a line tells how far training is.

    Attributes
    ----------
    n_features_in_ : int
        Columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, of a DataFrame.
    levels_ : list of dict
        Of each level how well it reconstructs the rows held out for that.
    model_ : Encoder
        The autoencoders, and what is done to rows before them.
    """

    _task = "auto"

    def __init__(
        self,
        stack: Levels | None = None,
        data: Mapping[str, Any] | None = None,
        preset: str | None = None,
        random_state: int | np.random.RandomState | None = 0,
        verbose: int = 0,
    ):
        self.stack = stack
        self.data = data
        self.preset = preset
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> Self:
        """Pretrain the stack.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
        y : ignored

        Raises
        ------
        InputError
            A `ValueError` that names all that is wrong with the rows or the parameters.
        DivergedError
            When the loss is no longer a finite number.
        """
        config = self._configured(X, None, False)
        source = source_given(self, X, None, None, None, config.data)
        splits, preprocessing = prepared_without_labels(source, config.data, config.seed)
        set_tensorflow_environment()
        import_quietly(COMPUTING)
        from pipeline.estimators.learning import learn_encoder

        line = ProgressLine(self.verbose > 0)
        self.model_, self.levels_ = learn_encoder(config, source, splits, preprocessing, line)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """The topmost level's sparse code of each row, float32 (n_samples, units)."""
        check_is_fitted(self)
        from pipeline.estimators.outputs import codes

        model = self.model_
        rows = rows_given(self, X, model.preprocessing.columns, model.layout)
        features = model.preprocessing.apply(rows.numbers, rows.categories)
        return codes(model.stack, model.autoencoders, features)

    def inverse_transform(self, X: Any) -> np.ndarray | pd.DataFrame:
        """The rows that codes (n_samples, units) stand for, in their own units.

        Of an array an array float64 (n_samples, columns); of a DataFrame a DataFrame of those
        columns that the stack reads, whose categories are the likeliest.
        """
        check_is_fitted(self)
        from pipeline.estimators.outputs import decoded

        model = self.model_
        code = check_array(X, dtype=np.float32, input_name="X")
        if code.shape[1] != self._n_features_out:
            raise InputError(
                f"A code has {self._n_features_out} units. Given: {code.shape[1]} columns."
            )
        features = decoded(model.stack, model.autoencoders, code)
        values = model.preprocessing.originals(features, NUMPY)
        return columns_of(values, model.preprocessing, model.layout is not None)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # codes are float32
        return tags

    @property
    def _n_features_out(self) -> int:
        return int(self.model_.stack[-1].units)
