"""The configuration of a run: one frozen tree, unknown keys forbidden, every field described."""

from collections.abc import Iterator
from typing import Literal, get_args

from pydantic import Field, PositiveInt

from pipeline.config.arms import ARMS, ArmName, is_another
from pipeline.config.corruption import MaskingNoise
from pipeline.config.data import DataConfig
from pipeline.config.finetune import KNOWING, WITHOUT_LABELS, FinetuneConfig, Supervised
from pipeline.config.gate import CHAMPION, PREVIOUS, GateConfig
from pipeline.config.level import LevelConfig
from pipeline.config.part import MAX_NAME, Part, rule
from pipeline.config.pretrain import PretrainConfig
from pipeline.config.sparsity import TopKLimit
from pipeline.config.task import DECIDED, AnomalyTask, AutoTask, TaskConfig


class ExportConfig(Part):
    """Which network becomes the SavedModel, and where it goes."""

    arm: ArmName | Literal["best"] = Field(
        "best",
        description="Whose network is exported, at the largest label budget, from the seed that is "
        "best on the validation rows. `best` is the arm that is best on them, on average over the "
        "seeds.",
    )

    directory: str = Field(
        "exports",
        description="Folder for `NAME/1/`, `NAME/2/`, ... as TensorFlow Serving reads it.",
    )
    alias: str = Field(
        "latest_run",
        pattern=r"^[A-Za-z][\w-]*$",
        max_length=MAX_NAME,
        description="The registered model's alias: it names the latest new model. `champion` and "
        "`previous` are the gate's.",
    )

    @rule
    def _the_gate_s_aliases_are_its_own(self) -> Iterator[str]:
        if self.alias in (CHAMPION, PREVIOUS):
            yield (
                f"alias must not be {CHAMPION} or {PREVIOUS}, which the gate moves. Given: "
                f"{self.alias}. Leave it out."
            )


class ExecutionConfig(Part):
    """Where levels and fine-tuning trials run."""

    runner: Literal["thread", "process", "dask"] = Field(
        "thread", description="Prefect's task runner; `dask` needs the extra of that name."
    )
    address: str | None = Field(
        None,
        pattern=r"^(tcp|tls)://[^\s/@]+:\d+$",
        description="Of the scheduler of a Dask cluster that runs already, `tcp://HOST:8786`. "
        "Without it `dask` starts workers on this machine.",
    )
    workers: PositiveInt = Field(
        1,
        description="Trials at a time, and with `thread` stacks too. One uses all cores, of which "
        "small networks leave some idle. A Dask cluster that runs already has as many as it has.",
    )
    gpus: PositiveInt = Field(
        1,
        description="GPUs that pretrain a level together, each with a share of every batch: for "
        "wide levels and large batches. `kl`, `batch_topk` and `lifetime` then look at such a "
        "share where they would look at a batch.",
    )

    @rule
    def _only_dask_has_an_address(self) -> Iterator[str]:
        if self.known("runner", "address") and self.address and self.runner != "dask":
            yield (
                f"address is of a Dask cluster: set runner to dask. Given: {self.address} and "
                f"{self.runner}."
            )


def _level(units: int, k: int, masked: float) -> LevelConfig:
    return LevelConfig(
        units=units,
        sparsity=TopKLimit(k=k),
        corruption=MaskingNoise(share=masked),
        revive=False,
        epochs=60,
        min_steps=500,
    )


# The winner of docs/recipes.md, on every data set there.
DEFAULT_STACK = (_level(512, 120, 0.5), _level(512, 120, 0.3), _level(256, 60, 0.3))


class RunConfig(Part):
    """One run: data, stack, fine-tuning, comparison, export."""

    name: str = Field(
        "layerwise",
        pattern=r"^[A-Za-z0-9][\w.-]*$",
        max_length=MAX_NAME,
        description="Of the MLflow experiment, the registered model and the export.",
    )
    seed: int = Field(0, ge=0, lt=2**31, description="All randomness derives from it.")
    data: DataConfig = Field(DataConfig(), description="The rows.")
    task: TaskConfig = Field(
        AutoTask(), description="What the stack is for; `auto` decides by the target."
    )
    stack: tuple[LevelConfig, ...] = Field(
        DEFAULT_STACK,
        min_length=1,
        description="The autoencoders, from the rows upward.",
    )
    pretrain_seeds: PositiveInt | None = Field(
        None,
        description="Stacks to pretrain, each from other weights. By default one for each seed of "
        "fine-tuning, so that the verdict is about pretraining and not about one stack; with fewer "
        "the seeds use them in turn, and the verdict is about these stacks alone.",
    )
    pretrain: PretrainConfig = Field(PretrainConfig(), description="Where pretraining starts.")
    finetune: FinetuneConfig = Field(FinetuneConfig(), description="The supervised part.")
    export: ExportConfig = Field(ExportConfig(), description="The SavedModel.")
    gate: GateConfig = Field(GateConfig(), description="What becomes the model in service.")
    execution: ExecutionConfig = Field(ExecutionConfig(), description="Where it runs.")

    @rule
    def _a_batch_has_rows_for_every_gpu(self) -> Iterator[str]:
        for number, level in enumerate(self.stack):
            if level.known("batch_size") and level.batch_size < self.execution.gpus:
                yield (
                    f"stack.{number}.batch_size must be a row or more for each of execution.gpus. "
                    f"Given: {level.batch_size} and {self.execution.gpus}. Lower execution.gpus."
                )

    @rule
    def _only_rows_have_kinds_of_column(self) -> Iterator[str]:
        for number, level in enumerate(self.stack):
            if number and level.known("loss") and level.loss == "by_kind":
                yield (
                    f"stack.{number}.loss must not be by_kind: the level reads the codes of the "
                    "one below, which have no categories. Given: by_kind. Leave it out."
                )

    @rule
    def _the_exported_arm_is_trained(self) -> Iterator[str]:
        if self.export.arm not in ("best", *self.finetune.arms):
            yield (
                f"export.arm must be one of finetune.arms, or best. Given: {self.export.arm} with "
                f"finetune.arms: {list(self.finetune.arms)}."
            )

    @rule
    def _the_exported_arm_is_one_of_its_own(self) -> Iterator[str]:
        arm = ARMS.get(self.export.arm)
        if arm and (other := is_another(arm, len(self.stack))):
            yield (
                f"export.arm must not be {arm.name}, which on a stack of one level is {other}. "
                f"Given: {arm.name}. Set it to {other}."
            )

    @rule
    def _reconstruction_is_by_squared_error(self) -> Iterator[str]:
        for number, level in enumerate(self.stack):
            by_kind = level.known("loss") and level.loss == "by_kind"
            if number == 0 and by_kind and self.finetune.reconstruction:
                yield (
                    "finetune.reconstruction judges by squared error, and cannot go with "
                    f"stack.0.loss: by_kind. Given: {self.finetune.reconstruction}. Set one of "
                    "them to its default."
                )

    @rule
    def _noise_is_taken_off(self) -> Iterator[str]:
        if self.data.noisy_rows is not None and self.task.kind != "denoise":
            yield (
                "data.noisy_rows is read where noise is to be taken off: task.kind: denoise. "
                f"Given: {self.data.noisy_rows} with task.kind: {self.task.kind}. Leave it out."
            )

    @rule
    def _one_label(self) -> Iterator[str]:
        several = self.data.label if isinstance(self.data.label, tuple) else ()
        if several and not self.task.several_labels:
            kinds = [kind for kind, section in DECIDED.items() if section.several_labels]
            yield (
                f"data.label names one column, unless task.kind is {' or '.join(kinds)}. Given: "
                f"{list(several)} with task.kind: {self.task.kind}."
            )

    @rule
    def _the_references_are_of_the_task(self) -> Iterator[str]:
        allowed = WITHOUT_LABELS.get(self.task.kind, get_args(Supervised))
        if isinstance(self.task, AnomalyTask) and self.task.labelled_anomalies:
            allowed = (*allowed, *KNOWING)
        if other := [name for name in self.finetune.references if name not in ("auto", *allowed)]:
            yield (
                f"finetune.references must be of auto, {', '.join(allowed)} where task.kind is "
                f"{self.task.kind}. Given: {', '.join(other)}."
            )

    @rule
    def _no_test_row_was_pretrained_on(self) -> Iterator[str]:
        drawn = "resplit" if self.data.resplit else self.data.holdout
        if self.pretrain.start is not None and drawn in ("drawn", "resplit"):
            yield (
                "pretrain.from needs data.holdout: stable: else test rows are drawn anew, also "
                f"among the rows that the earlier stacks have read. Given: {drawn} with "
                f"pretrain.from: {self.pretrain.start}."
            )

    @rule
    def _each_split_has_a_stack(self) -> Iterator[str]:
        if self.data.resplit and self.stacks < self.finetune.seeds:
            yield (
                "data.resplit needs a stack for each seed: one that another seed uses has read "
                f"some of its test rows. Given: pretrain_seeds: {self.pretrain_seeds} for "
                f"{self.finetune.seeds} seeds. Leave pretrain_seeds out."
            )

    @property
    def stacks(self) -> int:
        """How many stacks are pretrained; no more than there are seeds."""
        return min(self.pretrain_seeds or self.finetune.seeds, self.finetune.seeds)

    @property
    def splits(self) -> int:
        """How many times the rows are split."""
        return self.finetune.seeds if self.data.resplit else 1
