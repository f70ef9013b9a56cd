"""The stages of a run: each reads what it stands on, does its work, and is one MLflow run.

They can be called from a plain script, in the order of `flows/flow.py`, with no server of any kind.
Between stages go only ids, keys and numbers; rows and codes lie in scratch, weights in MLflow.
What computes is imported when there is something to compute, for it takes seconds.
"""

import json
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

from pipeline.config.finetune import Reference
from pipeline.config.schema import RunConfig
from pipeline.config.untrained import untrained_settings
from pipeline.data.prepared import Prepared
from pipeline.data.rows.streamed import exceeds
from pipeline.errors import InputError
from pipeline.evaluation.compare import Score, compare, comparison_entry
from pipeline.evaluation.label_saving import label_saving_entry, label_savings
from pipeline.evaluation.metrics import METRICS
from pipeline.files import copy_version, folder_digest
from pipeline.native_output import native_output_hidden
from pipeline.stages.base import Stage, cache_tags, done_before, perform
from pipeline.stages.keys import stage_key
from pipeline.stages.run import Run, prepared_of, tracker_of
from pipeline.stages.summary import COMPARISON
from pipeline.stages.trials import PRETRAINED, LevelSpec, TrialSpec, stack_of, trials_of
from pipeline.tracking.artifacts import correct_predictions, stored_json
from pipeline.tracking.registry import download_model, register
from pipeline.tracking.runs import FinishedRun, StageRun
from pipeline.tracking.tracker import Tracker
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.progress import Watch

_importing = threading.Lock()


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
        data = prepared_of(config, run)
        described = _described(config, data)
        stage.tags({"key": described.key, "data": data.name, "classes": json.dumps(data.classes)})
        stage.params(config.data.model_dump(mode="json"))
        parts = {f"{name}_rows": len(rows) for name, rows in data.splits._asdict().items()}
        stage.metrics({"rows": len(data.rows), "features": data.rows.shape[1], **parts})
        for record in (stage, StageRun(tracker.client, run.run_id)):
            record.dataset(
                data.name, data.origin, data.fingerprint, data.rows[:1], data.targets[:1]
            )
        return described


def _described(config: RunConfig, data: Prepared) -> DataStage:
    settings = config.data.model_dump(mode="json", exclude={"source", "memory"})
    memory = _memory_if_streamed(config, *data.rows.shape)
    key = stage_key("data", settings, config.seed, data.fingerprint, memory)
    trials = tuple(trials_of(config, data))
    return DataStage(key, trials, len(data.splits.pretrain), data.rows.shape[1])


def first_level_done(config: RunConfig, data: Prepared) -> bool:
    """Whether an earlier run trained the first level: likely it did all else too."""
    key = _level_key(config, LevelSpec(1), _described(config, data), [])
    return tracker_of(config).finished(key) is not None


def computing() -> ModuleType:
    """What computes, with TensorFlow behind it."""
    with _importing:
        # Not each time: while it is hidden, other threads' lines of progress would be lost.
        if "pipeline.stages.work" not in sys.modules:
            with native_output_hidden():
                import_module("pipeline.stages.work")
        return sys.modules["pipeline.stages.work"]


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
    key = _level_key(config, spec, data, below)
    tags = {"level": spec.number, "stack": spec.stack, "units": level.units}
    checkpoint = Checkpoint(Path(run.scratch).with_name("checkpoints"), key)
    if run.refresh:
        checkpoint.remove()

    def work(stage: StageRun) -> dict[str, float]:
        return computing().pretrain_level(config, run, spec, below, stage, watch, checkpoint)

    params = level.model_dump(mode="json")
    stage = perform(config, run, spec.name, "pretrain", key, tags, params, _epochs, work)
    checkpoint.remove()
    return stage


def _level_key(config: RunConfig, spec: LevelSpec, data: DataStage, below: Sequence[Stage]) -> str:
    level = config.stack[spec.number - 1]
    stands_on = below[-1].key if below else data.key
    width = config.stack[spec.number - 2].units if below else data.features
    memory = _memory_if_streamed(config, data.rows, width)
    return stage_key("pretrain", level, config.seed, spec.number, spec.stack, stands_on, memory)


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
    levels = stacks[stack_of(config, trial)]
    settings = config.finetune.model_dump(
        mode="json", exclude={"arms", "references", "label_budgets", "seeds"}
    )
    match trial.arm:
        case "random" | "untrained_codes":
            stands_on: Any = untrained_settings(config.stack)
        case "compute_matched":
            stands_on = config.model_dump(mode="json")["stack"]
        case _:
            stands_on = [level.key for level in levels]
    identity = {"arm": trial.arm, "labels": trial.labels, "seed": trial.seed}
    key = stage_key("finetune", settings, identity, config.seed, data.key, stands_on)

    def work(stage: StageRun) -> dict[str, float]:
        return computing().finetune_trial(config, run, trial, levels, stage, watch)

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
        from pipeline.stages.reference_work import fit_reference_trial

        return fit_reference_trial(config, run, trial, stage)

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
            scores = [_score(config, tracker, trial, done, metric) for trial, done in trials]
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


def _score(
    config: RunConfig, tracker: Tracker, trial: TrialSpec, done: Stage, metric: str
) -> Score:
    stack = stack_of(config, trial) if trial.arm in PRETRAINED else None
    correct = partial(correct_predictions, tracker, done.run_id) if metric == "accuracy" else None
    score = done.metrics[metric]
    return Score(trial.arm, trial.labels, trial.seed, score, stack, correct)


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
            exported = computing().export_best(config, run, levels, best, directory, stage)
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
        registered = register(tracker, uri, config.name, config.export.alias)
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
        computing()
        from pipeline.stages.report_work import draw_report

        draw_report(config, run, stacks, trials, stage)
        return Stage(stage.run_id, key, {}, False)


def _epochs(metrics: Mapping[str, float]) -> int:
    return int(metrics["epochs"])


def _memory_if_streamed(config: RunConfig, rows: int, columns: int) -> float | None:
    """How much memory rows may take, where they exceed it: then their order depends on it."""
    return config.data.memory if exceeds(rows, columns, config.data.memory_bytes) else None
