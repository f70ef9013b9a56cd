"""The configuration of a run: one frozen tree, unknown keys forbidden, every field described."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

Share = Annotated[float, Field(gt=0, lt=1)]
# Strict: 1.0, which looks like all rows, is not taken for one row.
Number = Annotated[int, Field(gt=0, strict=True)]
RowsOrShare = Annotated[Number | Share, Field(union_mode="left_to_right")]
Arm = Literal["pretrained", "random", "frozen", "untrained_codes", "compute_matched"]
Task = Literal["classification", "multilabel", "regression"]
Reference = Literal["logistic", "svm_rbf", "pca_svm", "mlp"]


LONGEST_NAME = 100
"""Characters: it names files and columns of databases."""


class Part(BaseModel):
    """A part of the config tree."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _can_be_stored(cls, value: Any) -> Any:
        """No store, file system or tensor takes other numbers and other text."""
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, int) and part >= 2**31:
                raise ValueError(f"numbers must be less than {2**31}. Given: {part}.")
            if isinstance(part, str) and (
                "\0" in part or any("\ud800" <= c <= "\udfff" for c in part)
            ):
                raise ValueError(
                    f"text must be Unicode, without the character NUL. Given: {part!r}."
                )
        return value


class DataConfig(Part):
    """Which rows, which target, and how they are split and scaled."""

    source: str = Field(
        "digits",
        description="A built-in name (digits, fashion_mnist, mnist, cifar10), a file (.npz, .npy, "
        ".csv, .parquet) or a folder: of IDX files, of .npy files (x, y), of TFRecord shards.",
    )
    label: str | tuple[str, ...] | None = Field(
        None,
        description="The column of a .csv or .parquet file that holds the target; of a multi-label "
        "task the columns, each 0 or 1. An .npz file keeps them in the array `y`.",
    )
    task: Task = Field(
        "classification",
        description="Whether the target is one class of several, several labels that each apply or "
        "not, or a number. They are scored by accuracy, F1 (micro-averaged) and R squared.",
    )
    unlabelled: str | None = Field(
        None,
        description="A target value that means that a row has no label, besides an empty or NaN "
        "one. Such rows serve pretraining only.",
    )
    drop: tuple[str, ...] = Field((), description="Columns to leave out.")
    categorical: tuple[str, ...] = Field(
        (), description="Columns of numbers to be treated as categories. Text always is."
    )
    missing: Literal["refuse", "impute"] = Field(
        "refuse",
        description="What to do about missing values: refuse the data, or impute the training "
        "rows' median (numbers) or a category of its own (text).",
    )
    test: RowsOrShare = Field(
        0.2,
        description="Test rows, by number or share, held out by class. A source that brings its "
        "own test rows keeps those.",
    )
    validation: RowsOrShare = Field(
        0.15,
        description="Rows held out of what remains, by number or share, to choose the encoder's "
        "rate and the checkpoint in every arm alike.",
    )
    scaling: Literal["auto", "none", "global", "minmax", "standard"] = Field(
        "auto",
        description="Fitted on training rows: `global` maps the least and greatest value of all "
        "columns to [0, 1] (images), `minmax` does it column by column, `standard` gives each "
        "column mean 0 and deviation 1; `auto` is `global` for arrays and images, `standard` for "
        "tables.",
    )
    memory: PositiveFloat = Field(
        8.0,
        description="GiB of memory for the rows. Those that need more, with the copies that "
        "training makes of them, stay on disk and are read and shuffled block by block.",
    )

    @property
    def memory_bytes(self) -> int:
        """The memory for the rows, in bytes."""
        return int(self.memory * 2**30)

    @model_validator(mode="after")
    def _one_label(self) -> Self:
        if isinstance(self.label, tuple) and self.task != "multilabel":
            raise ValueError(
                f"label names one column, unless task is multilabel. Given: {list(self.label)} "
                f"with task: {self.task}."
            )
        return self


class NoSparsity(Part):
    """No sparsity constraint."""

    mechanism: Literal["none"] = "none"


class L1(Part):
    """A penalty on the size of the code."""

    mechanism: Literal["l1"] = "l1"
    weight: PositiveFloat = Field(1e-3, description="Times the summed absolute code of a row.")


class KL(Part):
    """A regularizer toward a sparsity proportion; needs a sigmoid encoder."""

    mechanism: Literal["kl"] = "kl"
    proportion: Share = Field(0.1, description="The target mean activation of each unit (rho).")
    weight: PositiveFloat = Field(1e-2, description="Times the divergence summed over units.")


class TopKLimit(Part):
    """A hard limit on the active units of each row."""

    mechanism: Literal["topk"] = "topk"
    k: PositiveInt = Field(description="Units that stay active.")


class BatchTopKLimit(Part):
    """A hard limit on the active units of a batch; a fixed threshold outside training."""

    mechanism: Literal["batch_topk"] = "batch_topk"
    k: PositiveInt = Field(description="Units that stay active, per row on average.")


class Lifetime(Part):
    """A hard limit on the rows of a batch that each unit is active for."""

    mechanism: Literal["lifetime"] = "lifetime"
    proportion: Share = Field(0.1, description="The share of a batch's rows that each unit keeps.")


class JumpReLUPenalty(Part):
    """A learned threshold for each unit, with a penalty on the number of active units."""

    mechanism: Literal["jumprelu"] = "jumprelu"
    weight: PositiveFloat = Field(1e-3, description="Times the number of active units of a row.")
    bandwidth: PositiveFloat = Field(0.1, description="Width of the gradient estimator's kernel.")
    initial_threshold: PositiveFloat = Field(0.1, description="Where every threshold starts.")


Sparsity = Annotated[
    NoSparsity | L1 | KL | TopKLimit | BatchTopKLimit | Lifetime | JumpReLUPenalty,
    Field(discriminator="mechanism"),
]


class NoCorruption(Part):
    """Clean rows in training too."""

    kind: Literal["none"] = "none"


class MaskingNoise(Part):
    """Values set to zero."""

    kind: Literal["masking"] = "masking"
    share: Share = Field(0.3, description="The probability of each value.")


class GaussianNoise(Part):
    """Gaussian noise added."""

    kind: Literal["gaussian"] = "gaussian"
    stddev: PositiveFloat = Field(0.3, description="Standard deviation, in units of scaled rows.")


class SaltAndPepperNoise(Part):
    """Values replaced by their column's least or greatest."""

    kind: Literal["salt_and_pepper"] = "salt_and_pepper"
    share: Share = Field(0.2, description="The probability of each value.")


Corruption = Annotated[
    NoCorruption | MaskingNoise | GaussianNoise | SaltAndPepperNoise, Field(discriminator="kind")
]


class LevelConfig(Part):
    """One sparse autoencoder of the stack and how it is pretrained."""

    units: PositiveInt = Field(description="Width of the code; more than the inputs is allowed.")
    activation: Literal["relu", "sigmoid", "tanh", "linear"] = Field(
        "relu", description="Of the encoder."
    )
    sparsity: Sparsity = Field(NoSparsity(), description="The sparsity mechanism.")
    corruption: Corruption = Field(
        NoCorruption(),
        description="What is done to the rows in training; the loss sees clean rows.",
    )
    tied: bool = Field(False, description="The decoder uses the encoder's transposed weights.")
    decoder_activation: Literal["linear", "sigmoid"] = Field(
        "linear", description="Of the decoder."
    )
    unit_norm_decoder: bool = Field(
        False, description="Keep each unit's decoder weights at norm 1."
    )
    loss: Literal["normalized", "squared", "crossentropy"] = Field(
        "normalized",
        description="Reconstruction loss: squared error over the variance of the rows; half the "
        "squared distance; or cross-entropy (rows in [0, 1], sigmoid decoder).",
    )
    passes_on: Literal["activations", "code"] = Field(
        "activations",
        description="What the next level and the head read: the encoder's activations, or the "
        "sparse code.",
    )
    standardize: bool = Field(
        False,
        description="While the level pretrains, each column that it reads has mean 0 and deviation "
        "1; afterwards its weights take this in. Needs an untied, linear decoder of free norm.",
    )
    revive: bool = Field(True, description="Give dead units a new start between epochs.")
    epochs: PositiveInt = Field(12, description="Passes over the pretraining rows.")
    min_steps: PositiveInt = Field(1, description="Steps at least, where rows are few.")
    batch_size: PositiveInt = Field(256, description="Rows of a training step.")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="Of the products while the level pretrains; weights and what they are used for "
        "afterwards are float32. bfloat16 trains wide levels faster on GPUs and processors that "
        "have it (1.2 to 1.7 times with AVX512-BF16), and is slower on others.",
    )
    learning_rate: PositiveFloat = Field(
        1e-3, description="Of Adam; constant for the first half, then falling linearly to zero."
    )
    retry: bool = Field(
        False,
        description="When the loss is no longer a finite number, go on once from the end of the "
        "last epoch at a tenth of the learning rate, instead of ending the run.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        match self.sparsity:
            case TopKLimit(k=k) | BatchTopKLimit(k=k) if k > self.units:
                raise ValueError(f"sparsity.k must be at most units = {self.units}. Given: {k}.")
            case KL() if self.activation != "sigmoid":
                raise ValueError(
                    "the kl mechanism compares mean activations in [0, 1]: it needs activation: "
                    f"sigmoid. Given: {self.activation}."
                )
            case JumpReLUPenalty() if self.activation not in ("relu", "linear"):
                raise ValueError(
                    "the jumprelu mechanism needs activation: relu or linear. "
                    f"Given: {self.activation}."
                )
        if self.standardize and (
            self.tied or self.unit_norm_decoder or self.decoder_activation != "linear"
        ):
            raise ValueError(
                "standardize needs a decoder that can take the scaling in: tied: false, "
                "unit_norm_decoder: false and decoder_activation: linear. "
                f"Given: {self.tied}, {self.unit_norm_decoder} and {self.decoder_activation}."
            )
        if self.loss == "crossentropy" and self.decoder_activation != "sigmoid":
            raise ValueError(
                "loss: crossentropy needs decoder_activation: sigmoid. "
                f"Given: {self.decoder_activation}."
            )
        return self


Labels = Number | Share | Literal["all"]


class FinetuneConfig(Part):
    """Supervised training of encoder and head, the same in every arm."""

    arms: tuple[Arm, ...] = Field(
        ("pretrained", "random", "frozen"),
        min_length=1,
        description="`pretrained` starts from the stack, `random` from new weights, `frozen` "
        "trains the head alone on the stack's codes (linear probe), `untrained_codes` does so on "
        "codes of new weights, `compute_matched` is `random` with as many multiplications more as "
        "pretraining took.",
    )
    references: tuple[Reference, ...] = Field(
        (),
        description="Models of scikit-learn on the same labels, tuned on the same validation rows: "
        "logistic (ridge) regression, a kernel machine, the same on principal components of the "
        "unlabelled rows, a multilayer perceptron. Kernel machines sit out above 10,000 labels.",
    )
    label_budgets: tuple[Labels, ...] = Field(
        (0.1, 0.3, "all"),
        min_length=1,
        description="How many labelled training rows an arm may see: a number, a share, or all.",
    )
    seeds: PositiveInt = Field(
        5, description="Repetitions: each draws its own label subset, head and batch order."
    )
    epochs: PositiveInt = Field(12, description="Passes over the labelled rows.")
    min_steps: PositiveInt = Field(300, description="Steps at least, where labels are few.")
    batch_size: PositiveInt = Field(64, description="Rows of a training step.")
    learning_rate: PositiveFloat = Field(
        1e-3, description="Of AdamW for the head, falling linearly to zero."
    )
    encoder_rates: tuple[PositiveFloat, ...] = Field(
        (0.1, 0.3, 1.0),
        min_length=1,
        description="The encoder's learning rate as a multiple of the head's. Where there are "
        "several, each arm is tried with each and keeps what is best on the validation rows.",
    )
    weight_decay: float = Field(1e-4, ge=0, description="Of AdamW, for kernels and biases alike.")
    corruption: Corruption = Field(
        NoCorruption(), description="What is done to the rows in training."
    )
    dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="The probability that a training step leaves a unit out, at every level.",
    )
    pseudo_labels: float = Field(
        0.0,
        ge=0,
        description="Weight of a second loss: unlabelled rows are to be what the network itself "
        "takes them for. It grows from 0 as training goes on (Lee 2013).",
    )
    reconstruction: float = Field(
        0.0,
        ge=0,
        description="Weight of a second loss: a decoder is to reconstruct unlabelled rows from "
        "their code, squared error over the variance of the rows.",
    )
    checkpoints: PositiveInt = Field(
        5, description="Moments at which the validation rows are read; the best one is kept."
    )

    @model_validator(mode="after")
    def _no_repetition(self) -> Self:
        for name in ("arms", "references", "label_budgets"):
            values = getattr(self, name)
            if len(set(values)) < len(values):
                raise ValueError(f"{name} must not repeat a value. Given: {list(values)}.")
        return self


class ExportConfig(Part):
    """Where the SavedModel goes."""

    directory: str = Field(
        "exports",
        description="Folder for `NAME/1/`, `NAME/2/`, ... as TensorFlow Serving reads it.",
    )
    alias: str = Field(
        "latest_run",
        pattern=r"^[A-Za-z][\w-]*$",
        max_length=LONGEST_NAME,
        description="The registered model's alias.",
    )


class ExecutionConfig(Part):
    """Where levels and fine-tuning trials run."""

    runner: Literal["thread", "process", "dask"] = Field(
        "thread", description="Prefect's task runner; `dask` needs the extra of that name."
    )
    workers: PositiveInt = Field(1, description="Trials at a time. One uses all cores.")
    gpus: PositiveInt = Field(
        1,
        description="GPUs that pretrain a level together, each with a share of every batch: for "
        "wide levels and large batches. `kl`, `batch_topk` and `lifetime` then look at such a "
        "share where they would look at a batch.",
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
        max_length=LONGEST_NAME,
        description="Of the MLflow experiment, the registered model and the export.",
    )
    seed: int = Field(0, ge=0, lt=2**31, description="All randomness derives from it.")
    data: DataConfig = Field(DataConfig(), description="The rows.")
    stack: tuple[LevelConfig, ...] = Field(
        DEFAULT_STACK,
        min_length=1,
        description="The autoencoders, from the rows upward.",
    )
    pretrain_seeds: PositiveInt = Field(
        1,
        description="Stacks to pretrain, each from other weights, dealt out in turn to the seeds "
        "of fine-tuning; no more than there are seeds.",
    )
    finetune: FinetuneConfig = Field(FinetuneConfig(), description="The supervised part.")
    export: ExportConfig = Field(ExportConfig(), description="The SavedModel.")
    execution: ExecutionConfig = Field(ExecutionConfig(), description="Where it runs.")

    @model_validator(mode="after")
    def _a_batch_has_rows_for_every_gpu(self) -> Self:
        for number, level in enumerate(self.stack):
            if level.batch_size < self.execution.gpus:
                raise ValueError(
                    f"stack.{number}.batch_size must be a row or more for each of execution.gpus. "
                    f"Given: {level.batch_size} and {self.execution.gpus}. Lower execution.gpus."
                )
        return self

    @model_validator(mode="after")
    def _pseudo_labels_need_labels(self) -> Self:
        if self.finetune.pseudo_labels and self.data.task == "regression":
            raise ValueError(
                "finetune.pseudo_labels needs a target of classes or labels. Given: data.task: "
                "regression. Leave it at 0."
            )
        return self
