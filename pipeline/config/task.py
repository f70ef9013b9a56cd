"""What the stack is for: a section for each task, which names the class that carries it out."""

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field, PositiveFloat, PositiveInt

from pipeline.config.part import Part, Share


class TaskSection(Part):
    """What every task's section has."""

    several_labels: ClassVar[bool] = False
    """Whether `data.label` may name several columns."""
    needs_labels: ClassVar[bool] = True
    """Whether nothing can be done without a target."""


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


class AnomalyTask(TaskSection):
    """Rows unlike those that the stack learned from, which are taken as normal.

    No label is needed. Where there is a target it says which rows are anomalies: none of them
    trains, and scores are told by how well they part the two.
    """

    carried_out_by: ClassVar[str] = "pipeline.tasks.anomaly.Anomaly"
    needs_labels: ClassVar[bool] = False
    kind: Literal["anomaly"] = "anomaly"
    anomaly: str | None = Field(
        None,
        description="The target value that means an anomaly. By default the only one, where other "
        "rows have none, or the rarer of two. Rows without a label are taken as normal.",
    )
    false_alarms: Share = Field(
        0.05, description="The share of normal rows that may be called anomalies."
    )
    joint: JointTraining = Field(
        JointTraining(), description="How the levels are trained together, in every arm that is."
    )


Decided = Annotated[
    ClassificationTask | MultilabelTask | RegressionTask | AnomalyTask, Field(discriminator="kind")
]
"""Every task but `auto`."""
TaskConfig = Annotated[AutoTask | Decided, Field(discriminator="kind")]
DECIDED: dict[str, type[Decided]] = {
    section.model_fields["kind"].default: section for section in get_args(get_args(Decided)[0])
}
