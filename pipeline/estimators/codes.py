"""Rows to codes and back, of estimators that are scikit-learn's transformers too."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, check_is_fitted

from pipeline.data.features.operations import NUMPY
from pipeline.errors import InputError
from pipeline.estimators.base import StackedEstimator
from pipeline.estimators.originals import columns_of


class CodingEstimator(ClassNamePrefixFeaturesOutMixin, TransformerMixin, StackedEstimator):
    """An estimator that gives the codes of rows, and the rows that codes stand for."""

    def transform(self, X: Any) -> np.ndarray:
        """The code of each row, float32 (n_samples, units).

        It is what `encode` of the exported model gives: of a pretrained stack the topmost level's
        sparse code.
        """
        features = self._features(X)
        from pipeline.estimators.outputs import codes

        return codes(self.model_, features)

    def inverse_transform(self, X: Any) -> np.ndarray | pd.DataFrame:
        """The rows that codes (n_samples, units) stand for, in their own units.

        Of an array an array float64 (n_samples, columns); of a DataFrame a DataFrame of those
        columns that the stack reads, whose categories are the likeliest.
        """
        check_is_fitted(self)
        from pipeline.estimators.outputs import decoded

        model = self.model_
        code = check_array(X, dtype=np.float32, input_name="X")
        if code.shape[1] != model.code_units:
            raise InputError(
                f"A code has {model.code_units} units. Given: {code.shape[1]} columns."
            )
        values = model.preprocessing.originals(decoded(model, code), NUMPY)
        return columns_of(values, model.preprocessing, model.layout is not None)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        assert tags.transformer_tags is not None  # a transformer has them
        tags.transformer_tags.preserves_dtype = []  # codes are float32
        return tags

    @property
    def _n_features_out(self) -> int:
        return self.model_.code_units
