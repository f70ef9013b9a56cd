"""The data stage: what is trained on, described in MLflow."""

import socket
from dataclasses import dataclass

from pipeline.config.data import DataConfig, Splitting
from pipeline.config.part import Part
from pipeline.config.task import Decided
from pipeline.data.page import data_page
from pipeline.data.prepared import Prepared
from pipeline.errors import InputError
from pipeline.report.data_html import data_html
from pipeline.stages.base import Outcome, Stage
from pipeline.stages.context import Context
from pipeline.stages.earlier.distances import log_distances
from pipeline.stages.summary import COLUMNS, DATA_PAGE, DESCRIPTION, PAGE_CONTENT
from pipeline.tracking.artifacts import store_json, store_text
from pipeline.tracking.runs import StageRun
from pipeline.training.progress import Watch

NAMED_CLASSES = 20
"""More of them are counted, and not named, beside the dataset in MLflow."""


class DataSettings(Part):
    """How rows were split and scaled; their values stand for where they came from."""

    splitting: Splitting
    task: Decided
    seed: int
    fingerprint: str
    """Of the source's values."""


@dataclass(frozen=True)
class DataStage(Stage):
    """Describes the prepared data."""

    kind = "data"
    contract = 6
    described = ("data", "task", "holdout")
    settings: DataSettings

    @property
    def name(self) -> str:
        return "data"

    def compute(self, context: Context, record: StageRun, watch: Watch) -> dict[str, float]:
        """Log what the rows are; they lie in scratch, where the context finds them."""
        data = context.data
        record.tags({"data": data.name, "task": data.task.kind, "holdout": data.holdout})
        store_json(record, DESCRIPTION, {"classes": data.classes, "notes": data.notes})
        store_json(record, COLUMNS, data.columns)
        store_json(record, PAGE_CONTENT, data.description)
        store_text(record, DATA_PAGE, data_html(data.name, data_page(data.description)))
        parts = {f"{name}_rows": len(rows) for name, rows in data.splits._asdict().items()}
        return {"rows": len(data.rows), "features": data.rows.shape[1], **parts}

    def finish(self, context: Context, record: StageRun, outcome: Outcome) -> None:
        """Log the data set with this run and with its parent, and how far it is from the last."""
        data, parent = context.data, context.parent
        profile = {"rows": len(data.rows), "features": data.rows.shape[1]}
        if data.classes:
            profile |= {"classes": len(data.classes)}
        if 0 < len(data.classes) <= NAMED_CLASSES:
            profile |= {"class names": ", ".join(data.classes)}
        one = data.rows[:1], data.targets[:1]
        for run in (record, parent):
            run.dataset(data.name, data.origin, data.fingerprint, *one, profile)
        log_distances(context, record, parent)


def prepared(context: Context) -> Prepared:
    """The data of a run. When they cannot be prepared, MLflow has a failed run of this stage."""
    try:
        return context.data
    except BaseException:
        with context.tracker.stage("data", DataStage.kind, context.run.run_id, {"cached": False}):
            raise


def data_stage(config: DataConfig, seed: int, data: Prepared) -> DataStage:
    """The stage of data that are prepared."""
    settings = DataSettings(
        splitting=config.splitting(),
        task=data.task.section.of_training,
        seed=seed,
        fingerprint=data.fingerprint,
    )
    return DataStage(settings, ())


def data_of_run(context: Context, done: Outcome, seed: int) -> Prepared:
    """The data of a seed's trials in a worker: those of the stage `done`, or read by itself.

    Raises `InputError` when those are not the same.
    """
    data = context.data_of(seed)
    if context.reads_itself:
        known = context.tracker.run(done.run_id).params["fingerprint"]
        if data.fingerprint != known:
            raise InputError(
                f"data.source: {context.run.data.source} on {socket.gethostname()} does not have "
                "the rows that the run began with. Give each machine the same file."
            )
    return data
