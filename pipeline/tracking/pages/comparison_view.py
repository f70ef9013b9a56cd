"""Views of MLflow's chart page that show a comparison: filtered, grouped by arm.

MLflow keeps a view as a tag of the experiment, as its button "Share" does. Such a page has an
address of its own.
"""

import json

from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from pipeline.tracking.runs import TAG
from pipeline.tracking.tracker import Tracker

ALL_RUNS = "runs"
"""The view of all runs of an experiment, side by side."""
SHARED_VIEW = "mlflow.sharedViewState."
TRIALS = f"tags.`{TAG}stage` = 'finetune' and attributes.status = 'FINISHED'"
"""Each of them once in each run: those that failed and were tried again are not counted."""


def store_comparison_views(tracker: Tracker, run_id: str, metric: str) -> None:
    """Store two views: of one run by arm, called by its id, and of all by run and arm."""
    of_run = f"{TRIALS} and tags.`{MLFLOW_PARENT_RUN_ID}` = '{run_id}'"
    _store(tracker, run_id, of_run, ("arm",), metric)
    _store(tracker, ALL_RUNS, TRIALS, ("run", "arm"), metric)


def _store(tracker: Tracker, view: str, runs: str, tags: tuple[str, ...], metric: str) -> None:
    state = {
        "searchFilter": runs,
        "groupBy": {
            "aggregateFunction": "average",
            "groupByKeys": [{"mode": "tag", "groupByData": TAG + tag} for tag in tags],
        },
        "runsHiddenMode": "SHOW_ALL",  # by itself the chart shows ten groups at most
        "chartsSearchFilter": f"^{metric}$",
    }
    tracker.client.set_experiment_tag(tracker.experiment_id, SHARED_VIEW + view, json.dumps(state))
