"""One stage: done in a run of its own in MLflow, or taken from the one that did it before."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.config.schema import RunConfig
from pipeline.stages.run import Run, tracker_of
from pipeline.tracking.runs import FinishedRun, StageRun


@dataclass(frozen=True)
class Stage:
    """The outcome of a stage, small enough to be passed on."""

    run_id: str
    """The MLflow run that holds its artifacts: where the stage was cached, the earlier one."""
    key: str
    metrics: dict[str, float]
    cached: bool


def perform(
    config: RunConfig,
    run: Run,
    name: str,
    kind: str,
    key: str,
    tags: Mapping[str, Any],
    params: Mapping[str, Any],
    last_step: Callable[[Mapping[str, float]], int],
    work: Callable[[StageRun], dict[str, float]],
) -> Stage:
    """Do the work in a run of its own, unless a finished run with the same key did it before.

    Then its metrics are logged again, at the step that `last_step` tells from them.
    """
    tracker = tracker_of(config)
    earlier = done_before(config, run, key)
    with tracker.stage(name, kind, run.run_id, {**tags, **cache_tags(key, earlier)}) as stage:
        stage.params(params)
        if earlier:
            metrics = {name: value for name, value in earlier.metrics.items() if name != "seconds"}
            stage.metrics(metrics, last_step(metrics))
            return Stage(earlier.run_id, key, earlier.metrics, True)
        metrics = work(stage)
        return Stage(stage.run_id, key, metrics | {"seconds": stage.seconds}, False)


def done_before(config: RunConfig, run: Run, key: str) -> FinishedRun | None:
    """The finished run that did a stage before, its artifacts intact; None in a refreshing run."""
    return None if run.refresh else tracker_of(config).finished(key)


def cache_tags(key: str, earlier: FinishedRun | None) -> dict[str, Any]:
    """The tags of a stage that an earlier run did already, or of one that is to be done."""
    tags: dict[str, Any] = {"key": key, "cached": earlier is not None}
    return tags | ({"cached_from": earlier.run_id} if earlier else {})
