"""Which fine-tuning trials a run has, and which rows each of them sees."""

from dataclasses import dataclass

from pipeline.config.finetune import Arm, Reference
from pipeline.config.schema import RunConfig
from pipeline.data.prepared import Prepared, prepared_ahead
from pipeline.data.rows.streamed import StreamedRows, exceeds
from pipeline.data.splits import label_budget
from pipeline.data.trial_rows import Parts, subset, trial_rows
from pipeline.errors import InputError
from pipeline.seeds import derive

PRETRAINED = ("pretrained", "frozen")
"""Arms that start from a pretrained stack."""
KERNEL_MACHINES = ("svm_rbf", "pca_svm")
KERNEL_LABELS = 10_000
"""The cost of a kernel machine grows with the square of the labels: above these it sits out."""


@dataclass(frozen=True)
class TrialSpec:
    """One fine-tuning trial."""

    arm: Arm | Reference
    labels: int
    seed: int

    @property
    def name(self) -> str:
        """How the trial is called in Prefect, MLflow and on the terminal."""
        return f"fine-tune {self.arm}, {self.labels} labels, seed {self.seed}"


@dataclass(frozen=True)
class LevelSpec:
    """One level to pretrain."""

    number: int
    """From 1, the level on the rows."""
    stack: int = 0
    """Which of the stacks it belongs to."""

    @property
    def name(self) -> str:
        """How the level is called in Prefect, MLflow and on the terminal."""
        which = f", stack {self.stack + 1}" if self.stack else ""
        return f"pretrain level {self.number}{which}"


def levels_of(config: RunConfig) -> list[list[LevelSpec]]:
    """The levels of each stack, from the rows upward."""
    return [
        [LevelSpec(number, stack) for number in range(1, len(config.stack) + 1)]
        for stack in range(_stacks(config))
    ]


def stack_of(config: RunConfig, trial: TrialSpec) -> int:
    """The stack that a trial starts from: they are dealt out in turn to the seeds."""
    return trial.seed % _stacks(config)


def check_data(config: RunConfig) -> Prepared:
    """Prepare the data, which need not be read again by a run in this process.

    Raises `InputError` for data or label budgets that cannot be used.
    """
    with prepared_ahead(config.data, config.seed) as data:
        trials_of(config, data)
    return data


def trials_of(config: RunConfig, data: Prepared) -> list[TrialSpec]:
    """Every trial of the run. Raises `InputError` for a label budget that the rows do not allow."""
    train, validation = len(data.splits.train), len(data.splits.validation)
    budgets = []
    for budget in config.finetune.label_budgets:
        # A number may take in the validation rows: then the network is refitted on all of them.
        counted = isinstance(budget, int)
        labels = label_budget(budget, train + validation if counted else train)
        subset(data, data.splits.train, min(labels, train), seed=0)
        _check_in_memory(data, labels, "finetune.label_budgets")
        if labels not in budgets:
            budgets.append(labels)
    if _reads_all_unlabelled(config):
        _check_in_memory(data, len(data.splits.pretrain), "The unlabelled rows of fine-tuning")
    return [
        TrialSpec(arm, labels, seed)
        for labels in budgets
        for seed in range(config.finetune.seeds)
        for arm in (*config.finetune.arms, *config.finetune.references)
        if labels <= KERNEL_LABELS or arm not in KERNEL_MACHINES
    ]


def parts_of(config: RunConfig, data: Prepared, trial: TrialSpec) -> Parts:
    """The rows of one trial: the same for every arm with the same seed and label budget."""
    seed = derive(config.seed, "subset", trial.seed)
    return trial_rows(data, trial.labels, seed, _reads_all_unlabelled(config))


def _reads_all_unlabelled(config: RunConfig) -> bool:
    return bool(config.finetune.pseudo_labels or config.finetune.reconstruction)


def _check_in_memory(data: Prepared, rows: int, what: str) -> None:
    """Raise `InputError` when so many rows that stay on disk are to be fine-tuned on."""
    if isinstance(data.rows, StreamedRows) and exceeds(rows, data.rows.shape[1], data.rows.memory):
        raise InputError(
            f"{what} must fit in data.memory, {data.rows.memory / 2**30:g} GiB: pretraining reads "
            f"rows from disk, fine-tuning does not. Given: {rows:,} rows of {data.rows.shape[1]:,} "
            "features. Take fewer, or raise data.memory."
        )


def _stacks(config: RunConfig) -> int:
    return min(config.pretrain_seeds, config.finetune.seeds)
