"""What the stack is for: a section for each task, which names the class that carries it out."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self, get_args

from pydantic import Field, PositiveFloat, PositiveInt

from pipeline.config.corruption import Corruption, GaussianNoise
from pipeline.config.part import Number, Part, Share, rule


class TaskSection(Part):
    """What every task's section has."""

    several_labels: ClassVar[bool] = False
    """Whether `data.label` may name several columns."""
    needs_labels: ClassVar[bool] = True
    """Whether nothing can be done without a target."""
    usual_arms: ClassVar[tuple[str, ...] | None] = None
    """The arms that are trained where nobody says; None: those of `finetune.arms`."""

    @property
    def of_training(self) -> Self:
        """The section without what changes no weight and no score."""
        return self


class AutoTask(TaskSection):
    """The target decides: several label columns are `multilabel`; text, and whole numbers of few
    distinct values, are `classification`; other numbers are `regression`.
    """

    several_labels: ClassVar[bool] = True
    kind: Literal["auto"] = "auto"


class ClassificationTask(TaskSection):
    """The target is one class of several, scored by accuracy."""

    carried_out_by: ClassVar[str] = "pipeline.tasks.classification.Classification"
    kind: Literal["classification"] = "classification"


class MultilabelTask(TaskSection):
    """The target is several labels that each apply or not, scored by F1 (micro-averaged)."""

    carried_out_by: ClassVar[str] = "pipeline.tasks.multilabel.Multilabel"
    several_labels: ClassVar[bool] = True
    kind: Literal["multilabel"] = "multilabel"


class RegressionTask(TaskSection):
    """The target is a number, scored by R squared."""

    carried_out_by: ClassVar[str] = "pipeline.tasks.regression.Regression"
    kind: Literal["regression"] = "regression"


class JointTraining(Part):
    """How all levels are trained together as one deep autoencoder, once each is pretrained."""

    epochs: PositiveInt = Field(60, description="Passes over the rows.")
    min_steps: PositiveInt = Field(500, description="Steps at least, where rows are few.")
    batch_size: PositiveInt = Field(256, description="Rows of a training step.")
    learning_rate: PositiveFloat = Field(
        1e-3, description="Of Adam; constant for the first half, then falling linearly to zero."
    )


class UnlabelledTask(TaskSection):
    """All levels become one deep autoencoder, of which no label is asked."""

    needs_labels: ClassVar[bool] = False
    joint: JointTraining = Field(
        JointTraining(), description="How the levels are trained together, in every arm that is."
    )


class AnomalyTask(UnlabelledTask):
    """Rows unlike those that the stack learned from, which are taken as normal.

    No label is needed. Where there is a target it says which rows are anomalies: none of them
    trains, and scores are told by how well they part the two.
    """

    carried_out_by: ClassVar[str] = "pipeline.tasks.anomaly.Anomaly"
    kind: Literal["anomaly"] = "anomaly"
    anomaly: str | None = Field(
        None,
        description="The target value that means an anomaly. By default the only one, where other "
        "rows have none, or the rarer of two. Rows without a label are taken as normal.",
    )
    contamination: Annotated[float, Field(ge=0, lt=0.5)] | Literal["auto"] = Field(
        0.0,
        description="The share of the rows taken as normal that are none. So many, those that are "
        "most unlike the others, are left out where levels are trained together and where rows say "
        "what is usual; `auto` finds out how many.",
    )
    labelled_anomalies: tuple[Number, ...] = Field(
        (),
        description="Numbers of known anomalies that train too, `[1, 5, 20]`: arms are compared "
        "without any and with so many. Half of the training anomalies, or as many as are asked "
        "for, are then never tested, and each trial draws its own from these.",
    )
    false_alarms: Share = Field(
        0.05, description="The share of normal rows that may be called anomalies."
    )

    @property
    def of_training(self) -> Self:
        """The section with the usual rate of false alarms."""
        return self.model_copy(update={"false_alarms": 0.05})


class DenoiseTask(UnlabelledTask):
    """Rows as they are without the noise that comes with them.

    No label is needed: noise of the kind that is expected is put on rows, and taken off again.
    """

    carried_out_by: ClassVar[str] = "pipeline.tasks.denoise.Denoise"
    usual_arms: ClassVar[tuple[str, ...] | None] = ("pretrained", "random", "one_level")
    kind: Literal["denoise"] = "denoise"
    noise: Corruption = Field(
        GaussianNoise(),
        description="What is expected of rows to come. Over a range of strengths (`up_to`) the "
        "network need not be told how strong it is.",
    )

    @rule
    def _there_is_noise(self) -> Iterator[str]:
        if self.known("noise") and self.noise.kind == "none":
            yield "noise must be of a kind that rows can be freed from. Given: none. Leave it out."


class EmbedTask(UnlabelledTask):
    """Rows in few dimensions, in which those that are alike stay together.

    No label is needed. Where there is a target of classes it tells how often the class of a row is
    that of its neighbours.
    """

    carried_out_by: ClassVar[str] = "pipeline.tasks.embed.Embed"
    kind: Literal["embed"] = "embed"
    dims: PositiveInt | None = Field(
        None,
        description="How many dimensions arms and reference models are compared in. By default "
        "32, or half the features where that is less.",
    )
    prefixes: tuple[PositiveInt, ...] = Field(
        (8, 16, 64, 128),
        description="Other numbers of dimensions, of one code: its first so many are trained to "
        "decode rows by themselves. Those that are no fewer than the features are left out.",
    )
    coloured_by: str | None = Field(
        None,
        description="The column by which the report's picture of the rows is coloured. By default "
        "the target, where there is one.",
    )

    @property
    def of_training(self) -> Self:
        """The section without what only the report shows."""
        return self.model_copy(update={"coloured_by": None})


WithoutLabels = AnomalyTask | DenoiseTask | EmbedTask
Decided = Annotated[
    ClassificationTask | MultilabelTask | RegressionTask | WithoutLabels,
    Field(discriminator="kind"),
]
"""Every task but `auto`."""
TaskConfig = Annotated[AutoTask | Decided, Field(discriminator="kind")]
DECIDED: dict[str, type[Decided]] = {
    section.model_fields["kind"].default: section for section in get_args(get_args(Decided)[0])
}
