"""What there is to say of a plan, for people."""

from collections.abc import Sequence

import numpy as np

from pipeline.config.arms import ARMS, is_another
from pipeline.config.loading import of_tables
from pipeline.config.schema import RunConfig
from pipeline.config.task import AnomalyTask
from pipeline.counting import counted
from pipeline.data.prepared import Prepared
from pipeline.data.trial_rows import subset


def plan_notes(config: RunConfig, data: Prepared, budgets: Sequence[int]) -> tuple[str, ...]:
    """Of the recipe, of arms that are left out, of rare classes in the label budgets, and of a rate
    of false alarms that is too low for the rows.
    """
    return (
        *_of_recipe(config),
        *_of_arms(config),
        *_of_rare_class(data, budgets),
        *_of_false_alarms(data),
    )


def _of_recipe(config: RunConfig) -> tuple[str, ...]:
    """Says so where levels and fine-tuning are as they are because rows are a table's."""
    if config.stack != of_tables().stack:
        return ()
    return ("Levels and fine-tuning are by default those that do best on tables: preset tables.",)


def _of_arms(config: RunConfig) -> tuple[str, ...]:
    """Says which arms are left out, because another one is the same."""
    found = {arm: is_another(ARMS[arm], len(config.stack)) for arm in config.finetune.arms}
    return tuple(
        f"The arm {arm} is left out: on a stack of one level it is {other}."
        for arm, other in found.items()
        if other
    )


def _of_rare_class(data: Prepared, budgets: Sequence[int]) -> tuple[str, ...]:
    """How many labels of the rarest class a trial sees, where a class is rare; else nothing."""
    train = data.splits.train
    if not data.task.choose_metric(data.targets[train]).note:
        return ()
    classes, counts = np.unique(data.targets[train], return_counts=True)
    rarest = classes[counts.argmin()]
    shown = []
    for labels in budgets:
        seen = subset(data, train, min(labels, len(train)), seed=0)
        shown.append(f"{np.sum(data.targets[seen] == rarest):,} of {labels:,}")
    name = data.classes[int(rarest)]
    return (f"Labels of the rarest class, {name!r}, in a budget: {', '.join(shown)}.",)


def _of_false_alarms(data: Prepared) -> tuple[str, ...]:
    """Says so where no row can be called an anomaly, because too few rows say what is usual."""
    section, rows = data.task.section, len(data.splits.pretrain_validation)
    if not isinstance(section, AnomalyTask) or section.false_alarms >= 1 / (rows + 1):
        return ()
    return (
        f"No row can be called an anomaly at task.false_alarms: {section.false_alarms:g}: "
        f"{counted(rows, 'normal row')} held out allow a rate of {1 / (rows + 1):.2g} at least. "
        "Raise it, give more rows, or hold out more of them (data.validation).",
    )
