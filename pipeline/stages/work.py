"""The work of the stages: what TensorFlow is needed for."""

import json
import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import cast

import numpy as np

from layers import SparseAutoencoder
from pipeline.config.finetune import Arm
from pipeline.config.schema import RunConfig
from pipeline.data.prepared import Prepared
from pipeline.data.rows.streamed import Rows, StreamedRows, at, exceeds, write_rows
from pipeline.evaluation.metrics import METRICS
from pipeline.export.registered_model import served_model
from pipeline.export.saved_model import ENDPOINTS, Trained, export
from pipeline.files import atomic_write, folder_digest
from pipeline.seeds import derive
from pipeline.stages.base import Stage
from pipeline.stages.run import Run, prepared_of, tracker_of
from pipeline.stages.trials import PRETRAINED, LevelSpec, TrialSpec, parts_of
from pipeline.tracking.artifacts import store_predictions
from pipeline.tracking.models import AUTOENCODER, NETWORK, store_model, stored_model
from pipeline.tracking.registry import log_model, register
from pipeline.tracking.runs import StageRun
from pipeline.tracking.store import tracking_uri
from pipeline.tracking.tracker import Tracker
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.compute import matched_steps
from pipeline.training.devices import gpus_together
from pipeline.training.finetuning.finetune import Finetuner
from pipeline.training.finetuning.network import random_autoencoders
from pipeline.training.pretraining.pretrain import MEASURED_ROWS, encoded, pretrain
from pipeline.training.progress import Progress, Watch


def pretrain_level(
    config: RunConfig,
    run: Run,
    spec: LevelSpec,
    below: Sequence[Stage],
    stage: StageRun,
    watch: Watch,
    checkpoint: Checkpoint,
) -> dict[str, float]:
    """Pretrain a level, store it with its curves, and give back its metrics."""
    level = config.stack[spec.number - 1]
    rows, validation = _level_rows(config, run, spec.stack, below)

    def log(progress: Progress) -> None:
        if progress.metrics is not None:
            stage.metrics({"loss": progress.loss, **progress.metrics}, progress.epoch)
        watch(progress)

    seed = derive(config.seed, "pretrain", spec.stack, spec.number)
    with gpus_together(config.execution.gpus):
        result = pretrain(level, rows, validation, seed, log, checkpoint)
    store_model(stage, result.autoencoder, AUTOENCODER)
    epochs: dict[str, float] = {"epochs": result.epochs}
    stage.metrics(epochs, result.epochs)
    stage.tags({"xla": result.xla})
    if checkpoint.resumed:
        stage.tags({"resumed_after_epoch": checkpoint.resumed})
    return result.metrics | epochs


def finetune_trial(
    config: RunConfig,
    run: Run,
    trial: TrialSpec,
    levels: Sequence[Stage],
    stage: StageRun,
    watch: Watch,
) -> dict[str, float]:
    """Fine-tune a trial from the stack of `levels`, store its network, give back its metrics."""
    prepared = prepared_of(config, run)
    features, outputs = prepared.rows.shape[1], max(len(prepared.classes), 1)
    task = config.data.task
    finetuner = _finetuner(
        config.finetune, config.stack, features, outputs, task, threading.get_ident()
    )
    if trial.arm in PRETRAINED:
        autoencoders = [stored_autoencoder(config.name, level.run_id) for level in levels]
    else:
        seed = derive(config.seed, "random", trial.seed)
        autoencoders = random_autoencoders(config.stack, features, seed)
    more_steps = 0
    if trial.arm == "compute_matched":
        rows = len(prepared.splits.pretrain)
        more_steps = matched_steps(config, rows, features, outputs)
    steps = 0

    def log(progress: Progress) -> None:
        nonlocal steps
        if progress.metrics is not None:
            steps += 1
            stage.metrics(progress.metrics, steps)
        watch(progress)

    parts = parts_of(config, prepared, trial)
    seed = derive(config.seed, "trial", trial.seed)
    result = finetuner.run(cast(Arm, trial.arm), autoencoders, parts, seed, log, more_steps)
    finetuner.network.model.set_weights(result.weights)
    store_model(stage, finetuner.network.model, NETWORK)
    store_predictions(stage, result.predictions, parts.test.targets)
    metric = METRICS[task]
    metrics = {
        metric: result.score,
        f"validation_{metric}_kept": result.validation_score,
        "encoder_rate": result.encoder_rate,
        "validation_rows": len(parts.validation.rows),
        **{f"moved_level_{n}": moved for n, moved in enumerate(result.moved, 1)},
    }
    stage.metrics(metrics, trial.labels)
    return metrics


def export_best(
    config: RunConfig,
    run: Run,
    levels: Sequence[Stage],
    best: Stage,
    directory: Path,
    stage: StageRun,
) -> dict[str, str]:
    """Export the network of the best trial, log and register it; give back the export's tags."""
    tracker = tracker_of(config)
    prepared = prepared_of(config, run)
    trained = _trained(config, prepared, levels, best)
    folder = export(trained, directory, prepared.numbers, prepared.categories)
    uri = log_model(tracker, stage, folder, *served_model(folder, prepared))
    registered = register(tracker, uri, config.name, config.export.alias)
    return {
        "path": str(folder),
        "model_uri": registered,
        "logged_model": uri,
        "saved_model": folder_digest(folder),
        "endpoints": json.dumps(ENDPOINTS),
    }


def _level_rows(config: RunConfig, run: Run, stack: int, levels: Sequence[Stage]) -> list[Rows]:
    """Pretraining rows, and validation rows to measure, as the topmost of `levels` passes them on.

    Without levels they are the data itself. Codes are computed once for each level and kept in
    scratch until those of the next are there. What exceeds the memory stays on disk.
    """
    memory = config.data.memory_bytes
    if not levels:
        data = prepared_of(config, run)
        stored = data.rows
        if isinstance(stored, np.memmap):  # reading leaves no pages of the file in this process
            stored = StreamedRows(Path(str(stored.filename)), memory)
        parts = data.splits.pretrain, data.splits.validation[:MEASURED_ROWS]
        return [
            at(stored, part) if exceeds(len(part), stored.shape[1], memory) else stored[part]
            for part in parts
        ]
    files = [
        Path(run.scratch, f"{part}-{stack}-{len(levels)}.npy")
        for part in ("pretrain", "validation")
    ]
    if not all(file.exists() for file in files):
        _write_codes(config, run, stack, levels, files)
    found: list[Rows] = []
    for file in files:
        codes = StreamedRows(file, memory)
        found.append(codes if exceeds(*codes.shape, memory) else codes[:])
    return found


def _write_codes(
    config: RunConfig, run: Run, stack: int, levels: Sequence[Stage], files: Sequence[Path]
) -> None:
    """Encode the rows of the topmost of `levels` into `files`; those below are no longer needed."""
    *lower, top = levels
    autoencoder = stored_autoencoder(config.name, top.run_id)
    passes_on = config.stack[len(lower)].passes_on
    for file, rows in zip(files, _level_rows(config, run, stack, lower), strict=True):
        with atomic_write(file) as written:
            write_rows(written, encoded(autoencoder, rows, passes_on))
    for below_them in Path(run.scratch).glob(f"*-{stack}-{len(lower)}.npy"):
        below_them.unlink()


@lru_cache(maxsize=16)
def stored_autoencoder(experiment: str, run_id: str) -> SparseAutoencoder:
    """The autoencoder that the run of a level stored."""
    return stored_model(Tracker(tracking_uri(), experiment), run_id, AUTOENCODER)


@lru_cache(maxsize=4)
def _finetuner(finetune, stack, features: int, outputs: int, task, thread: int) -> Finetuner:
    """One for each thread, because training changes its weights."""
    return Finetuner(finetune, stack, features, outputs, task)


def _trained(config: RunConfig, data: Prepared, levels: Sequence[Stage], best: Stage) -> Trained:
    return Trained(
        name=config.name,
        preprocessing=data.preprocessing,
        stack=config.stack,
        autoencoders=[stored_autoencoder(config.name, level.run_id) for level in levels],
        network=stored_model(tracker_of(config), best.run_id, NETWORK),
        task=data.task,
        classes=data.classes,
        target_offset=data.target_offset,
        target_scale=data.target_scale,
    )
