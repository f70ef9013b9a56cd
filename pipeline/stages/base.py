"""What every stage is: computed once from its part of the config and its inputs, kept in MLflow."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar

from pipeline.config.part import Part
from pipeline.files import text_digest
from pipeline.tracking.runs import FinishedRun, StageRun
from pipeline.training.progress import Watch

if TYPE_CHECKING:
    from pipeline.stages.context import Context


@dataclass(frozen=True)
class Outcome:
    """What a stage came to, small enough to be passed on."""

    run_id: str
    """The MLflow run that holds its artifacts: where the stage was cached, the earlier one."""
    key: str
    metrics: dict[str, float]
    cached: bool


@dataclass(frozen=True)
class Stage(ABC):
    """One stage: its key, cache, MLflow run and what is shown of it follow from what is here.

    `compute` is given nothing of the config but `settings`, from which the key is made, so that no
    ingredient of the key can be forgotten.
    """

    kind: ClassVar[str]
    """What MLflow's tag `layerwise.stage` says."""
    contract: ClassVar[int] = 1
    """Raised when the code changes what it computes from the same settings and inputs."""
    packages: ClassVar[tuple[str, ...]] = ()
    """Whose versions may change what is computed."""
    described: ClassVar[tuple[str, ...]] = ()
    """Tags that `compute` sets and a run that is cached sets too."""

    settings: Part
    """The part of the config that it reads, and nothing else."""
    inputs: tuple[Outcome, ...]
    """The stages that it stands on."""

    @property
    @abstractmethod
    def name(self) -> str:
        """How the stage is called in Prefect, MLflow and on the terminal."""

    @property
    def key(self) -> str:
        """A digest of all that decides what the stage computes."""
        versions = {package: _version(package) for package in self.packages}
        parts = [self.kind, self.contract, versions, self.settings.model_dump(mode="json")]
        return text_digest(json.dumps([*parts, [done.key for done in self.inputs]], sort_keys=True))

    @property
    def tags(self) -> Mapping[str, Any]:
        """By which the stage's MLflow run can be found."""
        return {}

    @property
    def params(self) -> Mapping[str, Any]:
        """What MLflow shows as the parameters of the run."""
        return self.settings.model_dump(mode="json")

    def last_step(self, metrics: Mapping[str, float]) -> int:
        """The step at which the outcome's metrics stand."""
        return 0

    @abstractmethod
    def compute(self, context: "Context", record: StageRun, watch: Watch) -> dict[str, float]:
        """Do the work, store what it made in `record`, give back and log its metrics."""

    def restore(self, context: "Context", earlier: FinishedRun) -> Mapping[str, Any] | None:
        """The tags of a run that takes an earlier one's outcome; None where that is lost."""
        return {name: earlier.tags[name] for name in self.described}

    def finish(self, context: "Context", record: StageRun, outcome: Outcome) -> None:
        """What is left to do when the outcome is there, computed or not; by default nothing."""
        return None


def perform(stage: Stage, context: "Context", watch: Watch = lambda _: None) -> Outcome:
    """Compute a stage in an MLflow run of its own, unless a finished run with its key did before.

    Then the run says so, with the metrics and tags of the one that did the work.
    """
    key = stage.key
    earlier = None if context.run.refresh else context.tracker.finished(key)
    restored = stage.restore(context, earlier) if earlier else None
    tags = {**stage.tags, "key": key, "cached": restored is not None}
    if earlier and restored is not None:
        tags |= {"cached_from": earlier.run_id, **restored}
    elif stage.packages:
        context.prepare_to_compute()
    with context.tracker.stage(stage.name, stage.kind, context.run.run_id, tags) as record:
        record.params(stage.params)
        if earlier and restored is not None:
            _check_it_stays(context, earlier)
            record.note(f"Taken from [the run that did the work]({earlier.link}).")
            metrics = {name: v for name, v in earlier.metrics.items() if name != "seconds"}
            record.metrics(metrics, stage.last_step(metrics))
            outcome = Outcome(earlier.run_id, key, earlier.metrics, True)
        else:
            metrics = stage.compute(context, record, watch)
            record.metrics(metrics, stage.last_step(metrics))
            outcome = Outcome(record.run_id, key, metrics | {"seconds": record.seconds}, False)
        stage.finish(context, record, outcome)
        return outcome


def _check_it_stays(context: "Context", earlier: FinishedRun) -> None:
    """Raise `OSError`, after which the stage is tried again, if it is cleaned at this moment.

    A cleaning that marks it from now on sees our run, and leaves it.
    """
    if context.tracker.run(earlier.run_id).cleaned:
        raise OSError(f"`layerwise clean` removes what run {earlier.run_id} stored.")


@cache
def _version(package: str) -> str:
    return version(package)
