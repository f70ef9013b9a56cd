"""What the config of fine-tuning comes to on given rows: label budgets and the metric."""

from collections.abc import Sequence

import numpy as np

from pipeline.config.finetune import (
    KNOWING,
    OF_IMAGES,
    OF_TABLES,
    USUAL,
    FinetuneConfig,
    Reference,
)
from pipeline.config.task import AnomalyTask, Decided
from pipeline.counting import counted
from pipeline.data.splits import label_budget
from pipeline.data.training_data import TrainingData
from pipeline.data.trial_rows import subset
from pipeline.errors import InputError
from pipeline.tasks.detection_metrics import RECONSTRUCTION
from pipeline.tasks.metric import Metric


def label_counts(config: FinetuneConfig, splits: Sequence[TrainingData]) -> list[int]:
    """The label budgets in rows, as all splits of the data allow them; none twice.

    Where no label trains anything there is one, of none.

    Raises:
        InputError: for a budget that the rows do not allow.
    """
    data, *_ = splits
    train = min(len(split.splits.train) for split in splits)
    if not data.task.needs_labels:
        return [0, *_known_anomalies(data.task.section, train)]
    validation = min(len(split.splits.validation) for split in splits)
    classes = len(np.unique(data.task.strata(data.targets[data.splits.train])))
    counts: list[int] = []
    for budget in config.label_budgets:
        # A number may take in the validation rows: then the network is refitted on all of them.
        counted = isinstance(budget, int)
        labels = label_budget(budget, train + validation if counted else train, classes)
        for split in splits:
            subset(split, split.splits.train, min(labels, train), seed=0)
        if labels not in counts:
            counts.append(labels)
    return counts


def _known_anomalies(section: Decided, train: int) -> tuple[int, ...]:
    """How many known anomalies train in turn, of so many that there are."""
    wanted = section.labelled_anomalies if isinstance(section, AnomalyTask) else ()
    if max(wanted, default=0) > train:
        raise InputError(
            "task.labelled_anomalies needs as many known anomalies among the training rows. Given: "
            f"{list(wanted)}, and {counted(train, 'row')} that are. Lower it, or label more."
        )
    return wanted


def compared_by(config: FinetuneConfig, data: TrainingData) -> Metric:
    """What models are compared by. Raises `InputError` where the task has no such metric."""
    name: str = config.metric
    if name == "auto":
        # Where no label trains anything, it depends on whether there are any to judge by.
        rows = data.splits.train if data.task.needs_labels else data.splits.test
        name = data.task.choose_metric(data.targets[rows]).metric
    return data.task.metric(name)


def usual_references(config: FinetuneConfig, data: TrainingData) -> Sequence[Reference]:
    """The reference models that `auto` stands for.

    Raises:
        InputError: where others are named, and there is nothing to judge them by.
    """
    if data.task.needs_labels:
        return OF_TABLES if data.table else ()
    if compared_by(config, data).name != RECONSTRUCTION:
        section = data.task.section
        knows = isinstance(section, AnomalyTask) and section.labelled_anomalies
        return (*USUAL[data.task.kind], *(KNOWING if knows else ()))
    if named := [name for name in config.references if name != "auto"]:
        raise InputError(
            "finetune.references are judged by how they part known anomalies from other rows, and "
            f"arms are compared by {RECONSTRUCTION} here. Given: {', '.join(named)}. Leave them "
            "out, or name a target that tells anomalies."
        )
    return ()


def check_images(config: FinetuneConfig, image_shape: tuple[int, ...] | None) -> None:
    """Raise `InputError` for reference models of images, where rows are none."""
    if named := [name for name in config.references if name in OF_IMAGES and image_shape is None]:
        raise InputError(
            "finetune.references: some look at the pixels beside one another, and the rows are no "
            f"images. Given: {', '.join(named)}. Leave them out."
        )


def check_task(config: FinetuneConfig, data: TrainingData) -> None:
    """Raise `InputError` for what only a target of classes or labels allows."""
    if config.pseudo_labels and not data.task.pseudo_labels:
        raise InputError(
            "finetune.pseudo_labels needs a target of classes or labels. Given: "
            f"{config.pseudo_labels:g} for the task {data.task.kind}. Leave it at 0."
        )
    if config.class_weights and not data.task.has_classes:
        raise InputError(
            "finetune.class_weights needs a target of classes or labels. Given: "
            f"{config.class_weights} for the task {data.task.kind}. Leave it out."
        )
