"""Who started a run, and with which version of what: MLflow's columns User, Source and Version."""

from functools import cache
from importlib.metadata import version

from mlflow.tracking.context.registry import resolve_tags
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT, MLFLOW_SOURCE_NAME

PROGRAM = "layerwise"


@cache
def origin_tags() -> dict[str, str]:
    """Tags of a run that this process starts.

    MLflow's version is a commit, which an installed program has not.
    """
    tags: dict[str, str] = dict(resolve_tags())
    return {**tags, MLFLOW_SOURCE_NAME: PROGRAM, MLFLOW_GIT_COMMIT: version(PROGRAM)}
