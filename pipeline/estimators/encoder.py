"""Codes of rows, and rows of codes; no label is read."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from pipeline.data.target import with_target
from pipeline.estimators.codes import CodingEstimator
from pipeline.estimators.given import source_given
from pipeline.estimators.settings import Levels


class StackedEncoder(CodingEstimator):
    """A stack of sparse autoencoders, pretrained one at a time: rows become sparse codes.

    What `layerwise run --task embed` pretrains of the same rows is pretrained here: the arm
    `frozen`, whose levels stay as they are, with the first seed. As there, rows are held out: a
    fifth to test on (`scores_`), 15 % of the others to measure each level on.

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
        From 1 on a line tells how far training is, and what was decided about the rows is a
        warning.

    Attributes
    ----------
    n_features_in_ : int
        Columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, of a DataFrame.
    scores_ : dict of str to float
        `reconstruction_error` and `explained_variance` of the whole stack, on the rows held out to
        test on.
    levels_ : list of dict
        Of each level how well it reconstructs the rows held out for that.
    notes_ : list of str
        What was decided about the rows.
    model_ : Trained
        The levels one after the other, and what is done to rows before them.
    """

    _task = "embed"

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
        given = source_given(self, X, None, None, None, config.data)
        self._learn(config, with_target(given, config.task, config.data))
        return self

    def _tree_of(self, X: Any, y: Any, weighed: bool) -> dict[str, Any]:
        tree = super()._tree_of(X, y, weighed)
        tree["task"] = {"kind": self._task, "prefixes": []}
        tree["finetune"] = {**tree.get("finetune", {}), "arms": ["frozen"], "seeds": 1}
        return tree
