"""Which trials a run has."""

from collections.abc import Sequence

from pipeline.config.arms import ARMS, is_another
from pipeline.config.finetune import KNOWING
from pipeline.config.schema import RunConfig
from pipeline.data.prepared import Prepared
from pipeline.data.rows.streamed import StreamedRows, exceeds
from pipeline.data.trials import label_counts, usual_references
from pipeline.errors import InputError
from pipeline.stages.trial import Trial
from pipeline.tasks.task import Task


def trials_of(config: RunConfig, splits: Sequence[Prepared]) -> tuple[Trial, ...]:
    """Every trial of the run. Raises `InputError` for a label budget that the rows do not allow."""
    data, *_ = splits
    budgets = label_counts(config.finetune, splits)
    if not data.task.needs_labels:
        what = "The rows to train all levels on together"
        _check_in_memory(data, len(data.splits.pretrain), what)
    for labels in budgets:
        _check_in_memory(data, labels, "finetune.label_budgets")
    if config.finetune.pseudo_labels or config.finetune.reconstruction:
        _check_in_memory(data, len(data.splits.pretrain), "The unlabelled rows of fine-tuning")
    usual = usual_references(config.finetune, data)
    return tuple(
        Trial(arm=arm, labels=labels, seed=seed)
        for arm, labels, seed in config.finetune.trials(budgets, usual)
        if _is_trained(arm, labels, data.task, len(config.stack))
    )


def _is_trained(arm: str, labels: int, task: Task, levels: int) -> bool:
    """Whether an arm or reference model has a trial with so many labels."""
    if arm in ARMS:
        return is_another(ARMS[arm], levels) is None
    # Without a target some models learn from labels, and the others from none.
    return task.needs_labels or (arm in KNOWING) == bool(labels)


def _check_in_memory(data: Prepared, rows: int, what: str) -> None:
    """Raise `InputError` when more rows on disk are to be fine-tuned on than fit in memory."""
    if isinstance(data.rows, StreamedRows) and exceeds(rows, data.rows.shape[1], data.rows.memory):
        raise InputError(
            f"{what} must fit in data.memory, {data.rows.memory / 2**30:g} GiB: pretraining reads "
            f"rows from disk, fine-tuning does not. Given: {rows:,} rows of {data.rows.shape[1]:,} "
            "features. Take fewer, or raise data.memory."
        )
