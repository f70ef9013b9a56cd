"""Whether there is anything new to run on: the rows and the config against the last run's."""

from pipeline.config.schema import RunConfig
from pipeline.data.prepared import forget_prepared, prepared_ahead
from pipeline.errors import InputError
from pipeline.stages.data import data_stage
from pipeline.stages.summary import read_config
from pipeline.tracking.runs import FinishedRun
from pipeline.tracking.store import tracking_uri
from pipeline.tracking.tracker import Tracker, open_tracker


def unchanged(config: RunConfig) -> str | None:
    """Why a run would show nothing new; None where it has rows or settings of its own.

    It is compared with the last finished run of its experiment, so that a run that failed is done
    again, and so is one that a time limit cut short. The rows are read and kept for the run that
    follows in this process. Rows that cannot be used are no reason to skip: the run says what is
    wrong with them.
    """
    tracker = open_tracker(tracking_uri(), config.name)
    last = tracker.latest_or_none()
    if last is None or "shortened" in last.tags:
        return None
    try:
        with prepared_ahead(config.data, config.task, config.seed) as data:
            key = data_stage(config.data, config.seed, data).key
    except InputError:
        return None
    if not repeats(tracker, last, config, key):
        return None
    forget_prepared(config.data, config.task, config.seed, config.splits)
    return f"The rows of {data.name} and the config are those of the last run, {last.run_id}."


def repeats(tracker: Tracker, last: FinishedRun, config: RunConfig, data_key: str) -> bool:
    """Whether a run of this config on data of this key would do what an earlier run did."""
    try:
        same_config = read_config(tracker, last) == config.model_dump(mode="json")
    except InputError:  # what it was is lost
        return False
    keys = [c.tags["key"] for c in tracker.children(last.run_id) if c.tags["stage"] == "data"]
    return same_config and keys == [data_key]
