"""The public names: scikit-learn estimators that pretrain a stack of sparse autoencoders."""

from pipeline.errors import InputError
from pipeline.estimators.classifier import StackedClassifier
from pipeline.estimators.detector import AnomalyDetector
from pipeline.estimators.encoder import StackedEncoder
from pipeline.estimators.regressor import StackedRegressor


def from_run(
    name: str | None = None,
) -> StackedClassifier | StackedRegressor | AnomalyDetector | StackedEncoder:
    """The estimator whose network a tracked run has exported; by default the latest run's.

    Of a run for anomalies it is an `AnomalyDetector`, of one that embeds or denoises a
    `StackedEncoder`.

    `name` is the run's id, or its experiment. The store is that of the command: `mlruns/` here, or
    `MLFLOW_TRACKING_URI`. The rows are read again, from where the run had them, for what they are
    scaled by. Raises `InputError` where there is no such run, its rows are others now, or
    its task has no estimator.
    """
    from pipeline.stages.estimator_of_run import estimator_of_run

    return estimator_of_run(name)


__all__ = [
    "AnomalyDetector",
    "InputError",
    "StackedClassifier",
    "StackedEncoder",
    "StackedRegressor",
    "from_run",
]
