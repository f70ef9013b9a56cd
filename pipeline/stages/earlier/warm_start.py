"""What a run's stacks start from: those of an earlier run, found and checked before any work."""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pydantic import ValidationError

from pipeline.config.data import ROLES
from pipeline.config.schema import RunConfig
from pipeline.config.untrained import UntrainedLevel, untrained
from pipeline.data.prepared import Prepared
from pipeline.errors import InputError, raise_all
from pipeline.stages.base import Outcome
from pipeline.stages.earlier.features import (
    new_and_gone,
    none_shared,
    other_columns,
    stored_features,
)
from pipeline.stages.earlier.unchanged import repeats
from pipeline.stages.summary import read_columns, read_config
from pipeline.tracking.find import find, find_run
from pipeline.tracking.registry import run_of_model
from pipeline.tracking.runs import FinishedRun
from pipeline.tracking.store import tracking_uri
from pipeline.tracking.tracker import Tracker, open_tracker


class WarmStart(NamedTuple):
    """What the levels of a run start from."""

    stacks: tuple[tuple[Outcome, ...], ...] = ()
    """Of each stack the earlier levels, from the rows upward; none: all start from new weights."""
    notes: tuple[str, ...] = ()
    """For people."""
    run_id: str = ""
    """Of the earlier run."""
    may_have_seen_test_rows: bool = False
    """Whether one of the runs before may have pretrained on what are test rows now."""

    def of_level(self, stack: int, number: int) -> tuple[Outcome, ...]:
        """The one level that a level (from 1) of a stack (from 0) starts from, or none."""
        return (self.stacks[stack][number - 1],) if self.stacks else ()

    @property
    def tags(self) -> dict[str, str]:
        """Of the run in MLflow, from which it can be read again: see `_of_repeated`."""
        if self == WarmStart():
            return {}
        return {
            "start_notes": json.dumps(self.notes),
            "started_from": self.run_id,
            "may_have_seen_test_rows": str(self.may_have_seen_test_rows),
        }


def warm_start(config: RunConfig, data: Prepared, data_key: str) -> WarmStart:
    """Find what `pretrain.from` names.

    A run that repeats the one named, rows and config alike, starts where that one started: it is
    the same run once more, and cached. Raises `InputError` with all that keeps the levels from
    starting there.
    """
    name = config.pretrain.start
    if name is None:
        return WarmStart()
    if data.holdout == "drawn":
        raise InputError(
            "pretrain.from needs rows that are held out by their values: else test rows are drawn "
            "anew, also among the rows that the earlier stacks have read. Given: data.holdout: "
            f"{config.data.holdout}, which draws those of {data.name}. Set data.holdout: stable."
        )
    if name == config.name:
        tracker = open_tracker(tracking_uri(), name)
        latest = tracker.latest_or_none(shortened=False)  # which has all stacks
        if not latest:
            note = (
                f"pretrain.from: {name} has no finished run yet. Its levels start from new weights."
            )
            return WarmStart(notes=(note,))
        earlier = latest
    elif name.startswith("models:/"):
        tracker, earlier = find_run(run_of_model(name))
    else:
        tracker, earlier = find(name)
        if earlier.run_id != name:  # an experiment, of which one that was cut short lacks stacks
            earlier = tracker.latest_or_none(shortened=False) or earlier
    levels = _levels(tracker, earlier)
    if repeats(tracker, earlier, config, data_key):
        return _of_repeated(earlier, levels)
    before = _config(tracker, earlier)
    features = data.preprocessing.named_features
    read = [stored_features(tracker, lowest.made_by) for lowest, *_ in levels[: config.stacks]]
    found = [
        *_other_shape(config, before, len(levels)),
        *other_columns(data.columns, read_columns(tracker, earlier)),
        *none_shared(features, read),
    ]
    raise_all([f"pretrain.from: run {earlier.run_id} {problem}" for problem in found])
    stacks = [
        tuple(Outcome(level.made_by, level.tags["key"], level.metrics, True) for level in stack)
        for stack in levels
    ]
    seen = _may_have_seen_test_rows(earlier) or not _held_out(
        config, data, before, _holdout(tracker, earlier)
    )
    notes = new_and_gone(features, read, earlier.run_id) + (_seen(earlier) if seen else ())
    return WarmStart(tuple(stacks), notes, earlier.run_id, seen)


def _levels(tracker: Tracker, run: FinishedRun) -> list[list[FinishedRun]]:
    """Of each whole stack the levels, from the rows upward."""
    stacks: dict[int, dict[int, FinishedRun]] = {}
    for child in tracker.children(run.run_id):
        if child.tags["stage"] == "pretrain":
            stack = stacks.setdefault(int(child.tags["stack"]), {})
            stack[int(child.tags["level"])] = child
    height = max(map(len, stacks.values()), default=0)
    return [
        [levels[number] for number in sorted(levels)]
        for _, levels in sorted(stacks.items())
        if len(levels) == height
    ]


def _of_repeated(run: FinishedRun, levels: Sequence[Sequence[FinishedRun]]) -> WarmStart:
    """What a run started from, as its levels and it tell."""
    stacks = [
        tuple(
            Outcome(level.tags["starts_from"], level.tags["starts_from_key"], {}, True)
            for level in stack
            if level.tags["starts_from"]
        )
        for stack in levels
    ]
    return WarmStart(
        tuple(filter(None, stacks)),
        tuple(json.loads(run.tags["start_notes"])),
        run.tags["started_from"],
        _may_have_seen_test_rows(run),
    )


def _may_have_seen_test_rows(run: FinishedRun) -> bool:
    return run.tags.get("may_have_seen_test_rows") == "True"


def _config(tracker: Tracker, run: FinishedRun) -> RunConfig:
    try:
        return RunConfig.model_validate(read_config(tracker, run))
    except ValidationError as error:
        raise InputError(
            f"pretrain.from: the config of run {run.run_id} is not one of this version of "
            f"Layerwise: {error}"
        ) from None


def _other_shape(config: RunConfig, before: RunConfig, stacks: int) -> Iterator[str]:
    """Where the earlier stacks are not such as the config has."""
    if stacks < config.stacks:
        yield (
            f"has {stacks} stacks, this one pretrains {config.stacks}: each must start from one of "
            f"its own. Set pretrain_seeds: {stacks}."
        )
    if len(before.stack) != len(config.stack):
        yield f"has {len(before.stack)} levels. Given: {len(config.stack)}."
        return
    levels = zip(untrained(before.stack, True), untrained(config.stack, True), strict=True)
    for number, (old, new) in enumerate(levels):
        for name in UntrainedLevel.model_fields:
            was, given = getattr(old, name), getattr(new, name)
            if name == "sparsity":  # how strong it is may change, which weights it has may not
                was, given = was.mechanism, given.mechanism
            if was != given:
                yield f"has stack.{number}.{name}: {was}. Given: {given}."
    was, given = before.stack[0].loss, config.stack[0].loss
    if "by_kind" in (was, given) and was != given:  # by which a decoder gives logits of categories
        yield f"has stack.0.loss: {was}. Given: {given}."


def _holdout(tracker: Tracker, run: FinishedRun) -> str:
    """How a run held its test rows out."""
    stages = tracker.children(run.run_id)
    return next((child.tags["holdout"] for child in stages if child.tags["stage"] == "data"), "")


def _held_out(config: RunConfig, data: Prepared, before: RunConfig, holdout: str) -> bool:
    """Whether rows that are held out now were held out by the earlier run too."""
    if data.holdout == "marked" and config.data.split == config.data.time:  # which are None
        return True
    alike = all(getattr(before.data, key) == getattr(config.data, key) for key in ROLES)
    return holdout == data.holdout and alike and config.data.test <= before.data.test


def _seen(run: FinishedRun) -> tuple[str, ...]:
    return (
        f"The stacks start from those of run {run.run_id}, which, or a run before it, may have "
        "pretrained on rows that are test rows now, without their labels: the gain may be too "
        "favourable. Let all of them have data.holdout: stable, the same data.test, "
        "data.split, data.group and data.time, or rows whose source says which are for testing.",
    )
