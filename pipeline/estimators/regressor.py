"""A number."""

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin

from pipeline.estimators.supervised import SupervisedEstimator


class StackedRegressor(RegressorMixin, SupervisedEstimator):
    """A regressor whose encoder is pretrained on all rows, one sparse autoencoder at a time.

    What `layerwise run` trains of the same rows is trained here, as by `StackedClassifier`, whose
    parameters it has.

    Parameters
    ----------
    stack : list of int or dict, default=None
        The levels from the rows upward: units, or a section of the config's `stack`.
    finetune : dict, default=None
        Keys of the config's section `finetune`.
    data : dict, default=None
        Keys of the config's section `data`.
    preset : str, default=None
        A preset's name or a YAML file, which the other parameters change.
    random_state : int, RandomState or None, default=0
        All randomness derives from it.
    verbose : int, default=0
        From 1 on a line tells how far training is, and what was decided about the rows is a
        warning.

    Attributes
    ----------
    n_features_in_ : int
        Columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, of a DataFrame.
    scores_ : dict of str to float
        Every metric of regression, on the rows held out to test on.
    validation_score_ : float
        The metric that the checkpoint was chosen by, on the rows held out for that.
    levels_ : list of dict
        Of each level how well it reconstructs the validation rows.
    notes_ : list of str
        What was decided about the rows.
    model_ : Trained
        The networks, and what is done to rows before them.
    """

    _task = "regression"

    def predict(self, X: Any) -> np.ndarray:
        """The number of each row, float64 (n_samples,)."""
        outputs = self._outputs(X)
        return self.model_.coding.decode(self.model_.task.predictions(outputs))
