"""The stages of a run: each reads what it stands on, does its work, and is one MLflow run.

They can be called from a plain script, in the order of `flows/flow.py`, with no server of any kind.
Between stages go only ids, keys and numbers; rows and codes lie in scratch, weights in MLflow.
"""

import json
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from layers import SparseAutoencoder
from pipeline.artifacts import (
    AUTOENCODER,
    NETWORK,
    predictions_of,
    rightly_classified,
    store_model,
    store_predictions,
    stored_json,
    stored_model,
)
from pipeline.checkpoint import Checkpoint
from pipeline.compare import BASELINE, CANDIDATE, Score, compare, comparison_entry
from pipeline.compute import matched_steps
from pipeline.config import Arm, Reference, RunConfig
from pipeline.data.streamed import Rows, StreamedRows, at, exceeds, write_rows
from pipeline.engine import Progress, Watch
from pipeline.errors import InputError
from pipeline.export import ENDPOINTS, Trained, export
from pipeline.finetune import Finetuner
from pipeline.folders import copy_version
from pipeline.keys import folder_digest, stage_key
from pipeline.label_saving import label_saving_entry, label_savings
from pipeline.metrics import METRICS
from pipeline.network import random_autoencoders, shapes
from pipeline.prepare import Prepared, prepare
from pipeline.pretrain import MEASURED_ROWS, encoded, pretrain
from pipeline.references import fit_reference
from pipeline.report import (
    SHOWN_ROWS,
    LeftBehind,
    Section,
    comparison_sections,
    level_sections,
    report_html,
)
from pipeline.run import Run, tracker_of
from pipeline.seeds import derive
from pipeline.serving import log_served_model
from pipeline.stage import Stage, cache_tags, done_before, perform
from pipeline.summary import COMPARISON, REPORT, read_summary
from pipeline.tracker import FinishedRun, StageRun, Tracker, download_model, tracking_uri
from pipeline.trials import LevelSpec, TrialSpec, parts_of, stack_of, trials_of

CURVES = ("loss", "explained_variance", "active_fraction", "dead_fraction")
PRETRAINED = ("pretrained", "frozen")
"""Arms that start from a pretrained stack."""


@dataclass(frozen=True)
class DataStage:
    """What the data allows to be trained."""

    key: str
    trials: tuple[TrialSpec, ...]
    rows: int
    """Rows to pretrain on."""
    features: int


def data_stage(config: RunConfig, run: Run) -> DataStage:
    """Read, split and scale the data; refuse what cannot be used before anything is trained."""
    tracker = tracker_of(config)
    with tracker.stage("data", "data", run.run_id, {"cached": False}) as stage:
        data = _prepared(config, run)
        settings = config.data.model_dump(mode="json", exclude={"source", "memory"})
        memory = _memory_if_streamed(config, *data.rows.shape)
        key = stage_key("data", settings, config.seed, data.fingerprint, memory)
        stage.tags({"key": key, "data": data.name, "classes": json.dumps(data.classes)})
        stage.params(config.data.model_dump(mode="json"))
        parts = {f"{name}_rows": len(rows) for name, rows in data.splits._asdict().items()}
        stage.metrics({"rows": len(data.rows), "features": data.rows.shape[1], **parts})
        for record in (stage, StageRun(tracker.client, run.run_id)):
            record.dataset(
                data.name, data.origin, data.fingerprint, data.rows[:1], data.targets[:1]
            )
        trials = tuple(trials_of(config, data))
        return DataStage(key, trials, len(data.splits.pretrain), data.rows.shape[1])


def pretrain_stage(
    config: RunConfig,
    run: Run,
    spec: LevelSpec,
    data: DataStage,
    below: Sequence[Stage],
    watch: Watch,
) -> Stage:
    """Pretrain one level on the codes of the levels below."""
    level = config.stack[spec.number - 1]
    stands_on = below[-1].key if below else data.key
    width = config.stack[spec.number - 2].units if below else data.features
    memory = _memory_if_streamed(config, data.rows, width)
    key = stage_key("pretrain", level, config.seed, spec.number, spec.stack, stands_on, memory)
    tags = {"level": spec.number, "stack": spec.stack, "units": level.units}
    checkpoint = Checkpoint(Path(run.scratch).with_name("checkpoints"), key)
    if run.refresh:
        checkpoint.remove()

    def work(stage: StageRun) -> dict[str, float]:
        rows, validation = _level_rows(config, run, spec.stack, below)

        def log(progress: Progress) -> None:
            if progress.metrics is not None:
                stage.metrics({"loss": progress.loss, **progress.metrics}, progress.epoch)
            watch(progress)

        seed = derive(config.seed, "pretrain", spec.stack, spec.number)
        result = pretrain(level, rows, validation, seed, log, checkpoint)
        store_model(stage, result.autoencoder, AUTOENCODER)
        epochs: dict[str, float] = {"epochs": result.epochs}
        stage.metrics(epochs, result.epochs)
        stage.tags({"xla": result.xla})
        if checkpoint.resumed:
            stage.tags({"resumed_after_epoch": checkpoint.resumed})
        return result.metrics | epochs

    params = level.model_dump(mode="json")
    stage = perform(config, run, spec.name, "pretrain", key, tags, params, _epochs, work)
    checkpoint.remove()
    return stage


def finetune_stage(
    config: RunConfig,
    run: Run,
    trial: TrialSpec,
    data: DataStage,
    stacks: Sequence[Sequence[Stage]],
    watch: Watch,
) -> Stage:
    """Train one trial, or fit a reference model, and score it on the test rows."""
    if trial.arm in get_args(Reference):
        return _reference_stage(config, run, trial, data)
    arm = cast(Arm, trial.arm)
    levels = stacks[stack_of(config, trial)]
    settings = config.finetune.model_dump(
        mode="json", exclude={"arms", "references", "label_budgets", "seeds"}
    )
    match trial.arm:
        case "random" | "untrained_codes":
            stands_on: Any = shapes(config.stack)
        case "compute_matched":
            stands_on = config.model_dump(mode="json")["stack"]
        case _:
            stands_on = [level.key for level in levels]
    identity = {"arm": trial.arm, "labels": trial.labels, "seed": trial.seed}
    key = stage_key("finetune", settings, identity, config.seed, data.key, stands_on)

    def work(stage: StageRun) -> dict[str, float]:
        prepared = _prepared(config, run)
        features, outputs = prepared.rows.shape[1], max(len(prepared.classes), 1)
        task = config.data.task
        finetuner = _finetuner(
            config.finetune, config.stack, features, outputs, task, threading.get_ident()
        )
        if trial.arm in PRETRAINED:
            autoencoders = [_autoencoder(config.name, level.run_id) for level in levels]
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
        result = finetuner.run(arm, autoencoders, parts, seed, log, more_steps)
        finetuner.network.model.set_weights(result.weights)
        store_model(stage, finetuner.network.model, NETWORK)
        store_predictions(stage, result.predictions, parts)
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

    tags = identity | {"stack": stack_of(config, trial)} if trial.arm in PRETRAINED else identity
    params = identity | settings
    # The outcome's step is the label budget: MLflow's chart, grouped by arm, is the comparison.
    return perform(
        config, run, trial.name, "finetune", key, tags, params, lambda _: trial.labels, work
    )


def _reference_stage(config: RunConfig, run: Run, trial: TrialSpec, data: DataStage) -> Stage:
    identity = {"arm": trial.arm, "labels": trial.labels, "seed": trial.seed}
    key = stage_key("reference", identity, config.seed, data.key)

    def work(stage: StageRun) -> dict[str, float]:
        prepared = _prepared(config, run)
        parts = parts_of(config, prepared, trial)
        seed = derive(config.seed, "reference", trial.seed)
        result = fit_reference(cast(Reference, trial.arm), parts, config.data.task, seed)
        stage.params({"best": result.settings})
        store_predictions(stage, result.predictions, parts)
        metric = METRICS[config.data.task]
        metrics = {
            metric: result.score,
            f"validation_{metric}_kept": result.validation_score,
            "validation_rows": len(parts.validation.rows),
        }
        stage.metrics(metrics, trial.labels)
        return metrics

    return perform(
        config, run, trial.name, "finetune", key, identity, identity, lambda _: trial.labels, work
    )


def compare_stage(config: RunConfig, run: Run, trials: Sequence[tuple[TrialSpec, Stage]]) -> Stage:
    """Compare the arms and log gain, interval and verdict for each label budget."""
    metric = METRICS[config.data.task]
    tracker = tracker_of(config)
    key = stage_key("compare", [done.key for _, done in trials])
    earlier = done_before(config, run, key)
    with tracker.stage("compare", "compare", run.run_id, cache_tags(key, earlier)) as stage:
        if earlier:
            entries = stored_json(tracker, earlier.run_id, COMPARISON)
        else:
            scores = [_score(tracker, trial, done, metric) for trial, done in trials]
            entries = {
                "comparison": [comparison_entry(row, metric) for row in compare(scores)],
                "label_saving": [label_saving_entry(row) for row in label_savings(scores)],
            }
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder, COMPARISON)
                file.write_text(json.dumps(entries, indent=1))
                stage.artifact(file)
        parent = StageRun(tracker.client, run.run_id)
        for row in entries["comparison"]:
            for record in (stage, parent):
                record.metrics(_comparison_metrics(row, metric), row["labels"])
        parent.flush()
        return Stage(earlier.run_id if earlier else stage.run_id, key, {}, earlier is not None)


def _score(tracker: Tracker, trial: TrialSpec, done: Stage, metric: str) -> Score:
    right = rightly_classified(tracker, done) if metric == "accuracy" else None
    return Score(trial.arm, trial.labels, trial.seed, done.metrics[metric], right)


def _comparison_metrics(row: Mapping[str, Any], metric: str) -> dict[str, float]:
    """One label budget as MLflow's metrics."""
    found = {f"{metric}_{arm}": scores["mean"] for arm, scores in row["arms"].items()}
    if row["gain"]:
        found["gain"] = row["gain"]["mean"]
        if row["gain"]["ci95"]:
            found["gain_low"], found["gain_high"] = row["gain"]["ci95"]
    return found


def export_stage(
    config: RunConfig,
    run: Run,
    data: DataStage,
    stacks: Sequence[Sequence[Stage]],
    trials: Sequence[tuple[TrialSpec, Stage]],
) -> Stage:
    """Export the best network, prove the SavedModel in a clean process, log and register it.

    Best means: of the first arm configured, at its largest label budget, on validation rows. A
    model that was exported before is there already, or is copied from MLflow.
    """
    metric = f"validation_{METRICS[config.data.task]}_kept"
    trial, best = max(
        (pair for pair in trials if pair[0].arm == config.finetune.arms[0]),
        key=lambda pair: (pair[0].labels, pair[1].metrics[metric]),
    )
    levels = stacks[stack_of(config, trial)]
    directory = Path(config.export.directory, config.name).resolve()
    tracker = tracker_of(config)
    key = stage_key("export", config.name, data.key, [level.key for level in levels], best.key)
    earlier = done_before(config, run, key)
    exported = _exported_before(config, tracker, earlier, directory) if earlier else None
    tags = {"arm": trial.arm, "labels": trial.labels, "seed": trial.seed}
    tags |= cache_tags(key, earlier if exported else None)
    with tracker.stage("export", "export", run.run_id, tags) as stage:
        if not exported:
            prepared = _prepared(config, run)
            trained = _trained(config, prepared, levels, best)
            folder = export(trained, directory, prepared.numbers, prepared.categories)
            uri = log_served_model(tracker, stage, trained, folder, prepared)
            registered = tracker.register(uri, config.name, config.export.alias)
            exported = {
                "path": str(folder),
                "model_uri": registered,
                "logged_model": uri,
                "saved_model": folder_digest(folder),
                "endpoints": json.dumps(ENDPOINTS),
            }
            earlier = None
        stage.tags(exported)
        return Stage(earlier.run_id if earlier else stage.run_id, key, {}, earlier is not None)


def _exported_before(
    config: RunConfig, tracker: Tracker, earlier: FinishedRun, directory: Path
) -> dict[str, str] | None:
    """The tags of an export that was made before, its model at its place; None if it is lost."""
    path, digest = Path(earlier.tags["path"]), earlier.tags["saved_model"]
    uri = earlier.tags["logged_model"]
    try:
        if path.parent != directory or not path.is_dir() or folder_digest(path) != digest:
            stored = download_model(uri)
            if folder_digest(stored) != digest:
                return None
            path = copy_version(stored, directory)
        registered = tracker.register(uri, config.name, config.export.alias)
    except InputError:
        return None
    kept = {name: earlier.tags[name] for name in ("logged_model", "saved_model", "endpoints")}
    return {"path": str(path), "model_uri": registered, **kept}


def report_stage(
    config: RunConfig,
    run: Run,
    stacks: Sequence[Sequence[Stage]],
    trials: Sequence[tuple[TrialSpec, Stage]],
) -> Stage:
    """Draw what the run came to as one HTML file, and keep each figure with its own stage too.

    Of several stacks the report shows the first.
    """
    tracker = tracker_of(config)
    made_of = [[level.key for level in levels] for levels in stacks]
    key = stage_key("report", config.name, made_of, [done.key for _, done in trials])
    earlier = done_before(config, run, key)
    with tracker.stage("report", "report", run.run_id, cache_tags(key, earlier)) as stage:
        if earlier:
            return Stage(earlier.run_id, key, {}, True)
        prepared = _prepared(config, run)
        summary = read_summary(tracker, tracker.run(run.run_id))
        (comparison,) = [c for c in tracker.children(run.run_id) if c.tags["stage"] == "compare"]
        about_trials = comparison_sections(summary, _left_behind(config, tracker, prepared, trials))
        for section in about_trials:
            StageRun(tracker.client, comparison.made_by).picture(section.name, section.png)
        about_levels = [_about_levels(config, run, prepared, levels) for levels in stacks]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, REPORT)
            file.write_text(report_html(summary, (*about_trials, *about_levels[0])), "utf-8")
            stage.artifact(file)
        return Stage(stage.run_id, key, {}, False)


def _about_levels(
    config: RunConfig, run: Run, prepared: Prepared, levels: Sequence[Stage]
) -> list[Section]:
    """Draw the levels of a stack, each for the run that made it."""
    tracker = tracker_of(config)
    sections = level_sections(
        config.stack,
        [_autoencoder(config.name, level.run_id) for level in levels],
        [{name: tracker.history(level.run_id, name) for name in CURVES} for level in levels],
        prepared.rows[prepared.splits.validation[:SHOWN_ROWS]],
        prepared.image_shape,
    )
    for section in sections:
        assert section.level
        made_by = levels[section.level - 1].run_id
        StageRun(tracker.client, made_by).picture(section.name, section.png)
    return sections


def _left_behind(
    config: RunConfig,
    tracker: Tracker,
    prepared: Prepared,
    trials: Sequence[tuple[TrialSpec, Stage]],
) -> LeftBehind:
    """Confusion at the least label budget, and how far weights moved, of the arms compared."""
    arms: list[str] = [arm for arm in (CANDIDATE, BASELINE) if arm in config.finetune.arms]
    least = min(trial.labels for trial, _ in trials)
    classes = len(prepared.classes) if prepared.task == "classification" else 0
    confusion = {arm: np.zeros((classes, classes), int) for arm in arms if classes}
    moved: dict[str, dict[int, list[list[float]]]] = {arm: {} for arm in arms}
    for trial, stage in trials:
        if trial.arm not in arms:
            continue
        distances = [stage.metrics[f"moved_level_{n}"] for n in range(1, len(config.stack) + 1)]
        moved[trial.arm].setdefault(trial.labels, []).append(distances)
        if classes and trial.labels == least:
            predicted, true = predictions_of(tracker, stage)
            np.add.at(confusion[trial.arm], (true, predicted), 1)
    means = {
        arm: {labels: np.mean(seeds, axis=0).tolist() for labels, seeds in by_budget.items()}
        for arm, by_budget in moved.items()
    }
    return LeftBehind(confusion, least, means)


def _epochs(metrics: Mapping[str, float]) -> int:
    return int(metrics["epochs"])


def _prepared(config: RunConfig, run: Run) -> Prepared:
    return prepare(config.data, config.seed, Path(run.scratch, "data"))


def _memory_if_streamed(config: RunConfig, rows: int, columns: int) -> float | None:
    """How much memory rows may take, where they exceed it: then their order depends on it."""
    return config.data.memory if exceeds(rows, columns, config.data.memory_bytes) else None


def _level_rows(config: RunConfig, run: Run, stack: int, levels: Sequence[Stage]) -> list[Rows]:
    """Pretraining rows, and validation rows to measure, as the topmost of `levels` passes them on.

    Without levels they are the data itself. Codes are computed once for each level and kept in
    scratch until those of the next are there. What exceeds the memory stays on disk.
    """
    memory = config.data.memory_bytes
    if not levels:
        data = _prepared(config, run)
        parts = data.splits.pretrain, data.splits.validation[:MEASURED_ROWS]
        return [
            at(data.rows, part)
            if exceeds(len(part), data.rows.shape[1], memory)
            else data.rows[part]
            for part in parts
        ]
    files = [
        Path(run.scratch, f"{part}-{stack}-{len(levels)}.npy")
        for part in ("pretrain", "validation")
    ]
    if not all(file.exists() for file in files):
        *lower, top = levels
        below = _level_rows(config, run, stack, lower)
        autoencoder = _autoencoder(config.name, top.run_id)
        passes_on = config.stack[len(lower)].passes_on
        for file, rows in zip(files, below, strict=True):
            aside = file.with_suffix(f".{threading.get_ident()}.npy")
            write_rows(aside, encoded(autoencoder, rows, passes_on))
            aside.rename(file)
        for below_them in Path(run.scratch).glob(f"*-{stack}-{len(lower)}.npy"):
            below_them.unlink()
    found: list[Rows] = []
    for file in files:
        codes = StreamedRows(file, memory)
        found.append(codes if exceeds(*codes.shape, memory) else codes[:])
    return found


@lru_cache(maxsize=16)
def _autoencoder(experiment: str, run_id: str) -> SparseAutoencoder:
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
        autoencoders=[_autoencoder(config.name, level.run_id) for level in levels],
        network=stored_model(tracker_of(config), best.run_id, NETWORK),
        task=data.task,
        classes=data.classes,
        target_offset=data.target_offset,
        target_scale=data.target_scale,
    )
