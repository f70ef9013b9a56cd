"""What the stack is for: a section for each task, which names the class that carries it out."""

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field

from pipeline.config.part import Part


class TaskSection(Part):
    """What every task's section has."""

    several_labels: ClassVar[bool] = False
    """Whether `data.label` may name several columns."""


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


Decided = Annotated[
    ClassificationTask | MultilabelTask | RegressionTask, Field(discriminator="kind")
]
"""Every task but `auto`."""
TaskConfig = Annotated[AutoTask | Decided, Field(discriminator="kind")]
DECIDED: dict[str, type[Decided]] = {
    section.model_fields["kind"].default: section for section in get_args(get_args(Decided)[0])
}
