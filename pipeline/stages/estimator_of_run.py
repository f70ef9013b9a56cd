"""The estimator of a tracked run: its exported network, with what is done to rows before it."""

import re
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.computing import import_quietly, set_tensorflow_environment
from pipeline.config.arms import ARMS
from pipeline.config.loading import check
from pipeline.config.schema import RunConfig
from pipeline.config.untrained import untrained
from pipeline.data.fingerprint import fingerprint, rows_fingerprint
from pipeline.data.rows.streamed import StreamedRows
from pipeline.data.source import Source
from pipeline.data.sources.read import read
from pipeline.data.target import with_target
from pipeline.data.training_data import SplitSource, split_source
from pipeline.errors import InputError
from pipeline.estimators.base import StackedEstimator
from pipeline.estimators.classifier import StackedClassifier
from pipeline.estimators.detector import AnomalyDetector
from pipeline.estimators.encoder import StackedEncoder
from pipeline.estimators.regressor import StackedRegressor
from pipeline.seeds import split_seed
from pipeline.stages.summary import LAYER_METRICS, read_config
from pipeline.tasks.decision import decision_from
from pipeline.tasks.task import Coding
from pipeline.tracking.find import find
from pipeline.tracking.runs import FinishedRun
from pipeline.tracking.tracker import Tracker

if TYPE_CHECKING:
    from pipeline.estimators.learning import Learned

KINDS: dict[str, type[StackedEstimator]] = {
    "classification": StackedClassifier,
    "regression": StackedRegressor,
    "anomaly": AnomalyDetector,
    "embed": StackedEncoder,
    "denoise": StackedEncoder,
}
"""By the task that they are for. An encoder of `denoise` gives rows without noise back."""
MEASURED = tuple(name for name in LAYER_METRICS if name != "seconds")
KEPT = re.compile(r"validation_\w+_kept")
"""The metric of a trial that its checkpoint was chosen by."""


def estimator_of_run(name: str | None = None) -> StackedEstimator:
    """The estimator whose network a finished run has exported.

    `name` is the run's id, or its experiment, whose latest run is meant. The rows are read again
    from where the run had them, for what they are scaled by.

    Raises:
        InputError: where there is no such run, it exported nothing, its rows are gone or are
            others now, and for a task that no estimator has.
    """
    tracker, run = find(name)
    config = check(read_config(tracker, run))
    stages = tracker.children(run.run_id)
    exported = next((stage for stage in stages if stage.tags["stage"] == "export"), None)
    if exported is None:
        raise InputError(f"Run {run.run_id} has exported no model, so that it has no estimator.")
    arm = ARMS[exported.tags["arm"]]
    config = config.model_copy(update={"stack": config.stack[: arm.levels]})
    seed = int(exported.tags["seed"])
    source, found = _rows(config, seed if config.data.resplit else 0, stages)
    kind = KINDS.get(found.task.kind)
    if kind is None:
        raise InputError(
            f"Estimators are for {', '.join(KINDS)}. Run {run.run_id} is for {found.task.kind}."
        )
    estimator = _unfitted(kind, config, source)
    estimator._say(found.usable.notes)
    learned = _learned(tracker, config, stages, exported, source, found)
    estimator._keep(learned, source, found.split.parts.test, config.seed)
    return estimator


def _rows(
    config: RunConfig, split: int, stages: Sequence[FinishedRun]
) -> tuple[Source, SplitSource]:
    """The rows of a run, as they were split for a seed."""
    (data,) = [stage for stage in stages if stage.tags["stage"] == "data"]
    with tempfile.TemporaryDirectory(prefix="layerwise-") as folder:
        source = with_target(read(config.data, Path(folder)), config.task, config.data)
        if isinstance(source.numbers, StreamedRows):
            source = replace(source, numbers=source.numbers[:])
    if fingerprint(source, rows_fingerprint(source)) != data.params["fingerprint"]:
        raise InputError(
            f"{config.data.source} does not have the rows that the run began with. Put them back, "
            "or run again."
        )
    return source, split_source(source, config.data, split_seed(config.seed, split))


def _unfitted(kind: type[StackedEstimator], config: RunConfig, source: Source) -> StackedEstimator:
    """An estimator of the run's settings, which knows the columns that the run had."""
    estimator = kind(**kind._params_of(config))
    estimator._tree = config.model_dump(mode="json")
    estimator.n_features_in_ = len(source.columns) + len(config.data.ignore)
    if source.layout:
        left = {*source.layout.labels, config.data.weight}
        names = [name for name in source.layout.names if name not in left]
        estimator.feature_names_in_ = np.array(names, object)
        estimator.n_features_in_ = len(names)
    return estimator


def _learned(
    tracker: Tracker,
    config: RunConfig,
    stages: Sequence[FinishedRun],
    exported: FinishedRun,
    source: Source,
    found: SplitSource,
) -> "Learned":
    """What the run's stages stored: the exported trial's network, and its stack."""
    set_tensorflow_environment()
    import_quietly(("pipeline.estimators.learning", "pipeline.tracking.models"))
    from pipeline.estimators.learning import Learned
    from pipeline.export.trained import Trained
    from pipeline.tracking.models import AUTOENCODER, NETWORK, stored_model

    seed = int(exported.tags["seed"])
    (trial,) = [
        stage
        for stage in stages
        if stage.tags["stage"] == "finetune"
        and all(stage.tags[tag] == exported.tags[tag] for tag in ("arm", "labels", "seed"))
    ]
    levels = sorted(
        (
            stage
            for stage in stages
            if stage.tags["stage"] == "pretrain"
            and int(stage.tags["stack"]) == seed % config.stacks
        ),
        key=lambda level: int(level.tags["level"]),
    )[: len(config.stack)]
    trained = Trained(
        name=config.name,
        preprocessing=found.preprocessing,
        stack=untrained(config.stack, decoder=True),
        autoencoders=[stored_model(tracker, level.made_by, AUTOENCODER) for level in levels],
        network=stored_model(tracker, trial.made_by, NETWORK),
        task=found.task,
        classes=found.classes,
        coding=Coding(trial.metrics["target_offset"], trial.metrics["target_scale"]),
        decision=decision_from(trial.metrics),
        layout=source.layout,
    )
    names = [metric.name for metric in found.task.metrics]
    return Learned(
        trained,
        [{name: level.metrics[name] for name in MEASURED} for level in levels],
        {n: v for n, v in trial.metrics.items() if n.removesuffix("_uncalibrated") in names},
        next(v for name, v in trial.metrics.items() if KEPT.fullmatch(name)),
    )
