"""Whose weights and exports may go, and what keeps the others."""

from collections.abc import Collection, Iterable, Sequence
from typing import Literal, NamedTuple


class StageRecord(NamedTuple):
    """A stage of a run, as far as it matters here."""

    run_id: str
    key: str
    finished: bool
    made_by: str
    """The stage that holds its artifacts: itself, or where it was cached an earlier one."""
    weights: bool = True
    """Whether it stored some that have not gone yet."""
    model: str | None = None
    """Of an export the address of its logged model."""
    folder: str | None = None
    """Of an export where it lies."""


class RunRecord(NamedTuple):
    """A run of the whole pipeline."""

    run_id: str
    experiment: str
    state: Literal["running", "finished", "ended"]
    """`ended` without having finished, or cut short: a later run goes on from what it did."""
    began: float
    stages: tuple[StageRecord, ...]
    started_from: str | None = None
    """The run whose levels its levels start from."""


class Cleanable(NamedTuple):
    """What may go."""

    stages: frozenset[str]
    """Stages that did the work, whose weights, and the models that they logged, may go."""
    folders: frozenset[str]
    """Exports."""
    checkpoints: frozenset[str]
    """Keys of stages that nobody will go on with."""
    scratch: frozenset[str]
    """Runs that are over."""


def cleanable(
    runs: Sequence[RunRecord], aliased: Collection[str], keep: int, experiment: str | None = None
) -> Cleanable:
    """What may go where the latest `keep` finished runs of each experiment, or the named, stay.

    What a run that stays was computed from stays, whoever computed it. Beside the latest there stay
    runs in progress; unfinished ones that began after the last one that finished; those that either
    start from; and those that made a model in `aliased`.
    """
    kept = _kept(runs, aliased, keep, experiment)
    of_kept = [stage for run in runs if run.run_id in kept for stage in run.stages]
    others = [stage for run in runs if run.run_id not in kept for stage in run.stages]
    needed = {stage.made_by for stage in of_kept}
    return Cleanable(
        stages=frozenset(s.run_id for s in others if s.weights) - needed,
        folders=frozenset(filter(None, (s.folder for s in others)))
        - {s.folder for s in of_kept if s.folder},
        checkpoints=frozenset(s.key for s in others)
        - {stage.key for stage in of_kept if not stage.finished},
        scratch=frozenset(run.run_id for run in runs if run.state != "running"),
    )


def _kept(
    runs: Iterable[RunRecord], aliased: Collection[str], keep: int, experiment: str | None
) -> set[str]:
    kept: set[str] = set()
    finished: dict[str, int] = {}
    for run in sorted(runs, key=lambda run: run.began, reverse=True):
        before = finished.get(run.experiment, 0)
        finished[run.experiment] = before + (run.state == "finished")
        latest = before < keep if run.state == "finished" else before == 0
        models = {s.model for s in run.stages if s.made_by == s.run_id} & set(aliased)
        if latest or models or run.state == "running" or experiment not in (None, run.experiment):
            kept.add(run.run_id)
            if run.state != "finished" and run.started_from:
                kept.add(run.started_from)
    return kept
