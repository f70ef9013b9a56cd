"""One class of several."""

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import ClassifierMixin

from pipeline.data.source import Source
from pipeline.errors import InputError
from pipeline.estimators.labels import classes_of, known_classes
from pipeline.estimators.supervised import SupervisedEstimator

if TYPE_CHECKING:
    from pipeline.estimators.learning import Learned


class StackedClassifier(ClassifierMixin, SupervisedEstimator):
    """A classifier whose encoder is pretrained on all rows, one sparse autoencoder at a time.

    What `layerwise run` trains of the same rows is trained here, to the last bit on the same
    machine: the arm `pretrained`, at the largest label budget, with the first seed. As there, rows
    are held out: a fifth of those with a label to test on (`scores_`), 15 % of the others to choose
    the encoder's rate and the checkpoint by.

    A DataFrame is read as a table: its columns have names, may be categories, dates or truth
    values, and may miss values. An array has numbers, of which NaN is missing.

    Parameters
    ----------
    stack : list of int or dict, default=None
        The levels from the rows upward: units, or a section of the config's `stack`. By default
        those that the command has for arrays, or for tables.
    finetune : dict, default=None
        Keys of the config's section `finetune`, such as `{"epochs": 30}`; all others keep what the
        command has.
    data : dict, default=None
        Keys of the config's section `data`, such as `{"scaling": "standard"}`.
    preset : str, default=None
        A preset's name or a YAML file, which the other parameters change.
    random_state : int, RandomState or None, default=0
        All randomness derives from it, as from the config's `seed`.
    verbose : int, default=0
        From 1 on a line on standard error tells how far training is, and what was decided about
        the rows is a warning.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Those that are predicted, sorted. A class with too few rows to be held out is none of them.
    n_features_in_ : int
        Columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, of a DataFrame.
    scores_ : dict of str to float
        Every metric of classification, on the rows held out to test on.
    validation_score_ : float
        The metric that the checkpoint was chosen by, on the rows held out for that.
    levels_ : list of dict
        Of each level how well it reconstructs the validation rows.
    notes_ : list of str
        What was decided about the rows.
    model_ : Trained
        The networks, and what is done to rows before them.
    """

    _task = "classification"

    def _labels(self, y: Any) -> np.ndarray:
        labels = super()._labels(y)
        classes = classes_of(labels)
        if len(classes) == 1:
            raise InputError(
                f"There must be two classes at least. All labels are of one class: {classes[0]!s}."
            )
        return labels

    def _keep(self, learned: "Learned", source: Source, test: np.ndarray, seed: int) -> None:
        super()._keep(learned, source, test, seed)
        assert source.labels is not None
        classes = classes_of(source.labels.values)
        self.classes_, self._numbers = known_classes(classes, self.model_.classes)

    def decision_function(self, X: Any) -> np.ndarray:
        """How much speaks for each class (n_samples, n_classes).

        These are the network's logits over its temperature. Of two classes it is how much speaks
        for the second (n_samples,), which is predicted from 0 on.
        """
        logits = self._logits(X)
        if len(self.classes_) > 2:
            return logits
        return logits[:, 1] - logits[:, 0] - self._threshold()

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each of `classes_`, float64 (n_samples, n_classes)."""
        logits = self._logits(X)
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:
        """The class of each row (n_samples,)."""
        decision = self.decision_function(X)
        chosen = (decision > 0).astype(int) if decision.ndim == 1 else decision.argmax(axis=1)
        return self.classes_[chosen]

    def _logits(self, X: Any) -> np.ndarray:
        """float64 (rows, classes), in the order of `classes_`."""
        outputs = self._outputs(X).astype(np.float64) / self.model_.decision.temperature
        return outputs[:, self._numbers]

    def _threshold(self) -> float:
        """On the scale of the logits, of the second of two classes."""
        thresholds = self.model_.decision.thresholds
        if not thresholds:
            return 0.0
        share = thresholds[0] if self._numbers[1] == 1 else 1 - thresholds[0]
        return float(np.log(share) - np.log1p(-share))
