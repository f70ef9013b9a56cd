"""Supervised training of encoder and head."""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, get_args

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from pipeline.config.arms import ARMS, ArmName
from pipeline.config.corruption import Corruption, NoCorruption
from pipeline.config.part import Number, Part, Share, rule

Supervised = Literal["logistic", "svm_rbf", "pca_svm", "mlp", "boosting", "forest", "neighbours"]
Detecting = Literal[
    "neighbours", "isolation_forest", "local_outlier_factor", "one_class_svm", "components",
    "covariance",
]  # fmt: skip
Denoising = Literal["as_given", "components", "median", "nonlocal_means"]
Embedding = Literal["as_given", "components", "svd", "nmf"]
Reference = Supervised | Detecting | Denoising | Embedding
OF_IMAGES: tuple[Reference, ...] = ("median", "nonlocal_means")
"""Those that look at the pixels beside one another."""
KNOWING: tuple[Reference, ...] = ("boosting", "forest")
"""Those that learn from known anomalies."""
WITHOUT_LABELS = {
    "anomaly": get_args(Detecting),
    "denoise": get_args(Denoising),
    "embed": get_args(Embedding),
}
"""The reference models of tasks that need no label; all others have those of `Supervised`."""
OF_TABLES: tuple[Reference, ...] = ("logistic", "boosting", "forest")
"""What `auto` compares with where rows are those of a table."""
USUAL: dict[str, tuple[Reference, ...]] = {
    "anomaly": ("neighbours", "isolation_forest", "local_outlier_factor"),
    "denoise": ("as_given", "components"),
    "embed": ("as_given", "components"),
}
"""What it compares with where no label is needed."""
KERNEL_MACHINES = ("svm_rbf", "pca_svm")
KERNEL_LABELS = 10_000
"""The cost of a kernel machine grows with the square of the labels: above these it is left out."""
MetricName = Literal[
    "auto", "accuracy", "balanced_accuracy", "f1", "macro_f1", "auroc", "average_precision",
    "log_loss", "calibration_error", "r2", "mae", "rmse", "reconstruction_error", "snr", "psnr",
    "ssim", "neighbour_accuracy", "trustworthiness", "continuity", "explained_variance",
]  # fmt: skip
Labels = Number | Share | Literal["all"]


class TriedToo(Part):
    """Other values that each trial is trained with too, where labels are many enough to choose."""

    labels: Number = Field(description="With so many labels or more.")
    learning_rate: PositiveFloat | None = Field(
        None, description="In place of `finetune.learning_rate`."
    )
    weight_decay: float | None = Field(
        None, ge=0, description="In place of `finetune.weight_decay`."
    )
    dropout: float | None = Field(None, ge=0, lt=1, description="In place of `finetune.dropout`.")


class Attempt(NamedTuple):
    """What one training of a trial goes by; there may be several, of which the best is kept."""

    learning_rate: float
    """Of the head."""
    weight_decay: float
    dropout: float
    encoder_rate: float
    """The encoder's learning rate as a multiple of the head's; 0 where it is not trained."""

    @property
    def trains_head(self) -> bool:
        """Whether it trains the head alone (linear probe)."""
        return self.encoder_rate == 0


class HeadTraining(Part):
    """How a head is trained: all that arms read which leave the encoder as it is."""

    epochs: PositiveInt = Field(12, description="Passes over the labelled rows.")
    min_steps: PositiveInt = Field(300, description="Steps at least, where labels are few.")
    batch_size: PositiveInt = Field(64, description="Rows of a training step.")
    learning_rate: PositiveFloat = Field(
        1e-3, description="Of AdamW for the head, falling linearly to zero."
    )
    weight_decay: float = Field(1e-4, ge=0, description="Of AdamW, for kernels and biases alike.")
    dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="The probability that a training step leaves a unit out, at every level.",
    )
    class_weights: Literal["balanced"] | None = Field(
        None,
        description="`balanced` weighs the loss so that every class, or both values of every "
        "label, count alike however rare they are; in reference models too, where they can.",
    )
    checkpoints: PositiveInt = Field(
        5, description="Moments at which the validation rows are read; the best one is kept."
    )
    also_tried: tuple[TriedToo, ...] = Field(
        (),
        description="Other values that each arm is tried with too; what is best on the validation "
        "rows is kept. A value that a config or `--set` gives for itself is not tried otherwise.",
    )

    def attempts(self) -> list[Attempt]:
        """Each training of a trial; the usual values come first."""
        usual = self.model_dump(include={"learning_rate", "weight_decay", "dropout"})
        others = [
            other.model_dump(exclude={"labels"}, exclude_none=True) for other in self.also_tried
        ]
        return [
            Attempt(**usual | values, encoder_rate=rate)
            for values in ({}, *others)
            for rate in self._encoder_rates()
        ]

    def goes_on_from(self, attempt: Attempt) -> Attempt | None:
        """The linear probe whose weights are the attempt's first, where it is tried.

        Linear probing, then fine-tuning: Kumar et al., "Fine-Tuning can Distort Pretrained Features
        and Underperform Out-of-Distribution" (2022).
        """
        probe = attempt._replace(encoder_rate=0.0)
        return probe if attempt != probe and probe in self.attempts() else None

    def _encoder_rates(self) -> tuple[float, ...]:
        return (0.0,)


class NetworkTraining(HeadTraining):
    """How encoder and head are trained together, the same in every arm that does."""

    encoder_rates: tuple[NonNegativeFloat, ...] = Field(
        (0.1, 0.3, 1.0),
        min_length=1,
        description="The encoder's learning rate as a multiple of the head's. Where there are "
        "several, each arm is tried with each and keeps what is best on the validation rows. 0 "
        "trains the head alone (linear probe); other rates then go on from there.",
    )
    corruption: Corruption = Field(
        NoCorruption(), description="What is done to the rows in training."
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

    def _encoder_rates(self) -> tuple[float, ...]:
        return tuple(sorted(self.encoder_rates))  # the probe first: others go on from it


class FinetuneConfig(NetworkTraining):
    """Which arms are trained, on how many labels, how often, and how.

    Arms that train the head alone read codes of clean rows that never change: the encoder's rates,
    the corruption and the second losses do not concern them.
    """

    arms: tuple[ArmName, ...] = Field(
        ("pretrained", "random", "frozen"),
        min_length=1,
        description="; ".join(f"`{arm.name}` {arm.meaning}" for arm in ARMS.values()) + ".",
    )
    references: tuple[Reference | Literal["auto"], ...] = Field(
        ("auto",),
        description="Models of scikit-learn on the same labels, tuned on the same validation rows: "
        "logistic (ridge) regression, a kernel machine, the same on principal components of the "
        "unlabelled rows, a multilayer perceptron, gradient boosting, a random forest, the nearest "
        "neighbours. No kernel machine runs above 10,000 labels. `auto` stands for logistic, "
        "boosting and forest where rows are of a table, and for none where they are of arrays. "
        "Anomalies are also found by the distance from the nearest neighbours, an isolation "
        "forest, the local outlier factor (these three are then `auto`), a one-class kernel "
        "machine, the distance from principal components, and a robust covariance. Noise is also "
        "taken off by principal components and, of images, by a median filter and non-local means; "
        "`as_given` leaves rows as they are. Dimensions are also reduced by principal components, "
        "a truncated singular value decomposition, and a non-negative factorisation.",
    )
    metric: MetricName = Field(
        "auto",
        description="What tuning, verdict and comparison go by, of those that every trial logs: "
        "`accuracy`, `balanced_accuracy`, `macro_f1`, `auroc`, `average_precision`, `log_loss` and "
        "`calibration_error` for classes, the same with `f1` (micro-averaged) in place of the "
        "accuracies for several labels; `r2`, `mae`, `rmse` for numbers; those of tasks without "
        "labels are told where the tasks are (docs/README.md). `auto` is accuracy, F1 or "
        "R squared; where the rarest class has less than a quarter of an equal share it is "
        "balanced accuracy, or for two classes AUROC.",
    )
    label_budgets: tuple[Labels, ...] = Field(
        (0.1, 0.3, "all"),
        min_length=1,
        description="How many labelled training rows an arm may see: a number, a share (one row of "
        "each class at least), or all.",
    )
    seeds: PositiveInt = Field(
        5, description="Repetitions: each draws its own label subset, head and batch order."
    )

    def training(self, trains: Literal["network", "head"], labels: int) -> HeadTraining:
        """What arms read that train this on so many labels.

        For the whole network it is a `NetworkTraining`.
        """
        part = NetworkTraining if trains == "network" else HeadTraining
        values = {name: getattr(self, name) for name in part.model_fields}
        values["also_tried"] = tuple(o for o in self.also_tried if labels >= o.labels)
        return part(**values)

    def _references(self, usual: Sequence[Reference]) -> tuple[Reference, ...]:
        """The reference models, of which `auto` stands for the usual ones."""
        found: list[Reference] = []
        for name in self.references:
            found += usual if name == "auto" else (name,)
        return tuple(dict.fromkeys(found))

    def trials(
        self, labels: Sequence[int], usual: Sequence[Reference]
    ) -> Iterator[tuple[str, int, int]]:
        """Arm or reference model, labels and seed of every trial with these numbers of labels.

        `usual` are the reference models that `auto` stands for.
        """
        for number in labels:
            for seed in range(self.seeds):
                for arm in (*self.arms, *self._references(usual)):
                    if number <= KERNEL_LABELS or arm not in KERNEL_MACHINES:
                        yield arm, number, seed

    @rule
    def _no_repetition(self) -> Iterator[str]:
        for name in ("arms", "references", "label_budgets"):
            if self.known(name) and len(set(values := getattr(self, name))) < len(values):
                yield f"{name} must not repeat a value. Given: {list(values)}."
