"""What the stack is for: a file for each task."""

from importlib import import_module

from pipeline.config.task import DECIDED, AutoTask, Decided
from pipeline.tasks.auto import decided_by
from pipeline.tasks.labels import Labels
from pipeline.tasks.metric import Metric
from pipeline.tasks.task import Task


def task_of(section: Decided) -> Task:
    """The task that a section of the config stands for."""
    return _class_of(type(section))(section)


def task_named(kind: str) -> Task:
    """The task of that name with its default settings."""
    return task_of(DECIDED[kind]())


def task_for(section: AutoTask | Decided, labels: Labels | None) -> Task:
    """The same, where the labels may decide which."""
    if isinstance(section, AutoTask):
        return task_named(decided_by(labels))
    return task_of(section)


def metrics() -> dict[str, Metric]:
    """What models are scored by, by its name; what tasks call alike people read alike."""
    return {
        metric.name: metric for task in map(_class_of, DECIDED.values()) for metric in task.metrics
    }


def _class_of(section: type[Decided]) -> type[Task]:
    module, _, name = section.carried_out_by.rpartition(".")
    return getattr(import_module(module), name)
