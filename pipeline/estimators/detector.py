"""Rows that are unlike the others."""

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from sklearn.base import OutlierMixin

from pipeline.config.schema import RunConfig
from pipeline.data.source import Source
from pipeline.data.target import with_target
from pipeline.estimators.base import StackedEstimator
from pipeline.estimators.given import source_given
from pipeline.estimators.settings import Levels
from pipeline.tasks.anomaly import P_VALUE, SCORE
from pipeline.tasks.detection_metrics import RECONSTRUCTION

if TYPE_CHECKING:
    from pipeline.estimators.learning import Learned

FAR = 1e9
"""Of the greatest usual score, one that no row has. Beside it float64 still tells rows apart."""


class AnomalyDetector(OutlierMixin, StackedEstimator):
    """A detector of rows unlike those that it was fitted to, by a stack of sparse autoencoders.

    What `layerwise run --task anomaly` trains of the same rows, without labels, is trained here:
    the arm `pretrained` with the first seed. Signs and names are scikit-learn's.

    Parameters
    ----------
    false_alarms : float, default=0.05
        The share of normal rows that may be called outliers, greater than 0 and less than 1.
    hidden : float or "auto", default=0
        The share of the rows that are anomalies, less than a half: so many, those that are most
        unlike the others, are left out where levels are trained together and where rows say what
        is usual. "auto" finds out how many. The config calls it `task.contamination`; it is none
        of scikit-learn's, which sets how many rows are called outliers: that is `false_alarms`.
    stack : list of int or dict, default=None
        The levels from the rows upward: units, or a section of the config's `stack`. By default
        those that the command has for arrays, or for tables.
    joint : dict, default=None
        Keys of the config's section `task.joint`, such as `{"epochs": 20}`.
    data : dict, default=None
        Keys of the config's section `data`, such as `{"scaling": "quantile"}`.
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
    offset_ : float
        `decision_function` is `score_samples` less this.
    scores_ : dict of str to float
        `reconstruction_error`, of the rows held out to test on. Of a run that knew anomalies
        `auroc` and `average_precision` too.
    levels_ : list of dict
        Of each level how well it reconstructs the rows held out for that.
    notes_ : list of str
        What was decided about the rows.
    model_ : Trained
        The detector, the autoencoders, and what is done to rows before them.
    """

    _task = "anomaly"

    def __init__(
        self,
        false_alarms: float = 0.05,
        hidden: float | Literal["auto"] = 0.0,
        stack: Levels | None = None,
        joint: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        preset: str | None = None,
        random_state: int | np.random.RandomState | None = 0,
        verbose: int = 0,
    ):
        self.false_alarms = false_alarms
        self.hidden = hidden
        self.stack = stack
        self.joint = joint
        self.data = data
        self.preset = preset
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn what rows usually look like; all are taken as normal.

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

    def score_samples(self, X: Any) -> np.ndarray:
        """How normal each row is, float64 (n_samples,): greater is more normal."""
        return -self._outputs(X)[:, SCORE].astype(np.float64)

    def decision_function(self, X: Any) -> np.ndarray:
        """The same less `offset_`, float64 (n_samples,): negative for an outlier."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """-1 for an outlier, 1 for a normal row, int (n_samples,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def p_values(self, X: Any) -> np.ndarray:
        """Of each row the share of normal ones that are as unusual, float64 (n_samples,).

        It is an outlier where that is `false_alarms` or less (Bates et al. 2023).
        """
        return self._outputs(X)[:, P_VALUE].astype(np.float64)

    @classmethod
    def _params_of(cls, config: RunConfig) -> dict[str, Any]:
        task = config.task.model_dump(mode="json")
        own = {name: task[name] for name in ("false_alarms", "joint")}
        return {**super()._params_of(config), **own, "hidden": task["contamination"]}

    def _keep(self, learned: "Learned", source: Source, test: np.ndarray, seed: int) -> None:
        super()._keep(learned, source, test, seed)
        if source.target is None or not source.target[test].any():
            self.scores_ = {RECONSTRUCTION: learned.scores[RECONSTRUCTION]}
        self.offset_ = -self._greatest_normal_score()

    def _tree_of(self, X: Any, y: Any, weighed: bool) -> dict[str, Any]:
        tree = super()._tree_of(X, y, weighed)
        joint = {} if self.joint is None else {"joint": dict(self.joint)}
        told = {"false_alarms": self.false_alarms, "contamination": self.hidden}
        tree["task"] = {"kind": self._task, **told, **joint}
        return tree

    def _greatest_normal_score(self) -> float:
        """Of rows that are called normal, by the scores of the rows held out."""
        scores = np.sort(np.asarray(self.model_.network.p_value.scores))[::-1]
        far = FAR * max(1.0, float(scores[0]))
        count = len(scores)
        p_values = np.arange(1, count + 2, dtype=np.float32) / np.float32(count + 1)
        called = int((p_values <= np.float32(self.false_alarms)).sum())
        if not called:
            warnings.warn(
                f"No row can be called an outlier at a rate of false alarms of "
                f"{self.false_alarms:g}: {count} rows are held out, so that the least rate is "
                f"{1 / (count + 1):.2g}. Fit more rows, or raise false_alarms.",
                stacklevel=5,
            )
            return far
        return float(scores[called - 1]) if called <= count else -far
