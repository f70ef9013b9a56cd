"""How far the rows lie from those of the experiment's last run: metrics, a table, a warning."""

import logging
import re

from pipeline.data.distances import distances
from pipeline.errors import InputError
from pipeline.stages.context import Context
from pipeline.stages.summary import read_columns
from pipeline.tracking.artifacts import store_json
from pipeline.tracking.runs import StageRun

DISTANCES = "distances.json"
"""The artifact of the data stage: the distance of each column, farthest first."""
CHARTED = 100
"""Columns with a metric of their own, at most: the farthest. The artifact has them all."""
LONGEST = 200
"""Characters of a column's name in that of a metric."""
NAMED = 5
"""Columns in the warning, at most."""


def log_distances(context: Context, record: StageRun, parent: StageRun) -> None:
    """Compare the columns with those of the last finished run; without one there is nothing to say.

    The distances stand in `record`'s artifact and in the parent's metrics, where MLflow draws them
    night after night. They are no part of any key: they tell of the run before, not of this one.
    """
    last = context.tracker.latest_or_none()
    if last is None:
        return
    try:
        found = distances(read_columns(context.tracker, last), context.data.columns)
    except InputError:  # what the last run kept is lost
        return
    store_json(record, DISTANCES, {"last_run": last.run_id, "distances": dict(found)})
    charted = {_metric(name): value for name, value in found[:CHARTED]}
    parent.metrics({"distance_max": max((value for _, value in found), default=0.0), **charted})
    parent.flush()
    bound = context.run.data.distance_bound
    if far := [f"{name!r} by {value:.2f}" for name, value in found if value > bound]:
        more = f" and {len(far) - NAMED:,} more" if len(far) > NAMED else ""
        note = (
            f"Rows lie farther from those of the last run, {last.run_id}, than "
            f"data.distance_bound, {bound:g}: column {', '.join(far[:NAMED])}{more}. See "
            f"{DISTANCES} of the data stage."
        )
        parent.tags({"distance_note": note})
        logging.getLogger(__name__).warning(note)


def _metric(name: str) -> str:
    """The name of a column as that of a metric, with what MLflow takes in one."""
    return "distance_" + re.sub(r"[^\w\-. ]", "_", name)[:LONGEST]
