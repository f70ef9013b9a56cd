"""The stages called from plain Python: what they record, and what is not computed twice."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.datasets import load_diabetes
from sklearn.metrics import r2_score

from pipeline.config.arms import ARMS
from pipeline.config.loading import check
from pipeline.config.schema import RunConfig
from pipeline.data.prepared import prepare
from pipeline.data.sources.read import read_rows
from pipeline.data.trial_rows import trial_rows
from pipeline.errors import InputError
from pipeline.export.inference import infer, model_columns
from pipeline.export.write_tables import write_tables
from pipeline.seeds import derive
from pipeline.stages.base import Outcome, perform
from pipeline.stages.context import Context, fail_run
from pipeline.stages.plan import plan_of
from pipeline.stages.pretrain import PretrainLevel
from pipeline.stages.trial import Trial
from pipeline.tracking.faults import transient
from pipeline.tracking.runs import CLEANED, FinishedRun
from pipeline.tracking.tracker import Tracker
from pipeline.training.finetuning import finetune as finetuning
from pipeline.training.finetuning import lending
from pipeline.training.finetuning.objective import NetworkObjective
from pipeline.training.loop import DivergedError
from tests.pipeline.whole_runs import Called, begin, call_stages, whole_run

PENALTY = {"units": 16, "epochs": 2, "batch_size": 128}


def changed(config: RunConfig, **parts) -> RunConfig:
    """The config with other values, e.g. `stack={1: {"epochs": 2}}`, `finetune={...}`."""
    tree = config.model_dump(mode="json")
    for name, values in parts.items():
        if name == "stack":
            for number, level in values.items():
                tree["stack"][number] |= level
        elif isinstance(values, dict):
            tree[name] |= values
        else:
            tree[name] = values
    return check(tree)


def artifact(context: Context, run_id: str, name: str) -> Path:
    uri = context.tracker.client.get_run(run_id).info.artifact_uri
    return Path(uri.removeprefix("file://"), name)


def recomputed(called: Called) -> tuple[list[bool], dict[str, set[bool]]]:
    """Which levels were computed, in every stack alike, and for each arm which of its trials."""
    arms: dict[str, set[bool]] = {}
    for trial, stage in called.trials:
        arms.setdefault(trial.arm, set()).add(not stage.cached)
    levels = [
        {not level.cached for level in of_stacks} for of_stacks in zip(*called.stacks, strict=True)
    ]
    assert all(len(computed) == 1 for computed in levels)
    return [True in computed for computed in levels], arms


def without_seconds(stage: Outcome) -> dict[str, float]:
    return {name: value for name, value in stage.metrics.items() if name != "seconds"}


# A first run


def test_a_first_run_computes_everything(digits_run):
    levels, arms = recomputed(digits_run.called)
    assert levels == [True, True]
    assert arms == {arm: {True} for arm in ("pretrained", "random", "frozen")}


def test_there_is_an_mlflow_run_for_each_stage_a_child_of_the_whole_run(digits_home):
    tracker = digits_home.called.context.tracker
    children = tracker.children(digits_home.called.run.run_id)
    count = {
        stage: sum(child.tags["stage"] == stage for child in children)
        for stage in ("data", "pretrain", "finetune", "compare", "export", "gate", "report")
    }
    assert count == {
        "data": 1,
        "pretrain": 4,  # two levels of two stacks
        "finetune": 12,
        "compare": 1,
        "export": 1,
        "gate": 1,
        "report": 1,
    }
    assert len(children) == sum(count.values())


def test_a_trial_is_tagged_with_arm_labels_and_seed(digits_home):
    called = digits_home.called
    for trial, stage in called.trials:
        tags = called.context.tracker.run(stage.run_id).tags
        identity = (trial.arm, str(trial.labels), str(trial.seed))
        assert (tags["arm"], tags["labels"], tags["seed"]) == identity
        assert tags["key"] == stage.key


def test_no_two_stages_share_a_key(digits_run):
    called = digits_run.called
    levels = [level for stack in called.stacks for level in stack]
    keys = [called.plan.data.key, *(s.key for s in levels), *(s.key for _, s in called.trials)]
    assert len(set(keys)) == len(keys) == 17


def test_a_level_s_metrics_are_recorded_epoch_by_epoch(digits_home):
    client = digits_home.called.context.tracker.client
    for level in digits_home.called.levels:
        for name in ("loss", "reconstruction_error", "explained_variance", "active_fraction",
                     "dead_fraction", "mean_activation"):  # fmt: skip
            history = client.get_metric_history(level.run_id, name)
            assert [metric.step for metric in history] == [1, 2, 3]
        last = client.get_metric_history(level.run_id, "explained_variance")[-1]
        assert last.value == level.metrics["explained_variance"]


def test_each_rate_of_a_trial_has_a_curve_of_its_own_over_its_checkpoints(digits_home):
    client = digits_home.called.context.tracker.client
    for trial, stage in digits_home.called.trials:
        curves = [
            client.get_metric_history(stage.run_id, f"validation_accuracy{rate}")
            for rate in ([""] if trial.arm == "frozen" else ["_rate_0.3", "_rate_1"])
        ]
        assert [[metric.step for metric in curve] for curve in curves] == [[1, 2]] * len(curves)
        best = max(metric.value for curve in curves for metric in curve)
        assert stage.metrics["validation_accuracy_kept"] == best
        assert stage.metrics["validation_rows"] == 216


def test_the_run_holds_its_config_and_the_dataset(digits_home):
    called = digits_home.called
    run = called.context.tracker.client.get_run(called.run.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["data.source"] == "digits"
    assert run.data.params["finetune.seeds"] == "2"
    assert run.data.params["pretrain_seeds"] == "None"
    assert [run.data.params[f"stack.{level}.units"] for level in (0, 1)] == ["48", "24"]
    assert run.data.params["execution.runner"] == "thread"
    kept = artifact(called.context, called.run.run_id, "config.json").read_text()
    assert RunConfig.model_validate_json(kept) == called.config
    (logged,) = run.inputs.dataset_inputs
    assert (logged.dataset.name, len(logged.dataset.digest)) == ("digits", 36)
    assert json.loads(logged.dataset.profile) == {
        "rows": 1797, "features": 64, "classes": 10, "class names": "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    }  # fmt: skip


def test_a_trial_s_score_is_that_of_the_network_it_stored(digits_home, tmp_path):
    called = digits_home.called
    config = called.config
    data = prepare(config.data, config.task, config.seed, tmp_path / "data")
    for trial, stage in called.trials[::5]:
        network = keras.saving.load_model(
            artifact(called.context, stage.run_id, "network.keras"), compile=False
        )
        subset = derive(config.seed, "subset", trial.seed)
        test = trial_rows(data, trial.labels, subset, all_unlabelled=False).test
        right = network.predict_on_batch(test.rows).argmax(axis=1) == test.targets
        assert stage.metrics["accuracy"] == np.mean(right)


def test_a_trial_stores_what_it_predicts_for_the_test_rows(digits_home):
    called = digits_home.called
    for _, stage in called.trials[::5]:
        with np.load(artifact(called.context, stage.run_id, "predictions.npz")) as stored:
            assert np.mean(stored["predicted"] == stored["true"]) == stage.metrics["accuracy"]
            assert len(stored["true"]) == 359


def test_more_labels_give_a_better_accuracy(digits_run):
    by_budget = {
        row["labels"]: row["arms"]["pretrained"]["mean"] for row in digits_run.summary["comparison"]
    }
    assert 0.3 < by_budget[40] < by_budget[200]


def test_the_comparison_is_stored_with_the_run(digits_home):
    called = digits_home.called
    tracker = called.context.tracker
    (stage,) = [c for c in tracker.children(called.run.run_id) if c.tags["stage"] == "compare"]
    stored = json.loads(artifact(called.context, stage.run_id, "comparison.json").read_text())
    assert stored["comparison"] == digits_home.summary["comparison"]
    assert stored["label_saving"] == digits_home.summary["label_saving"]
    figures = {
        "accuracy_random": lambda row: row["arms"]["random"]["mean"],
        "gain": lambda row: row["gain"]["mean"],
        "gain_low": lambda row: row["gain"]["ci95"][0],
        "gain_high": lambda row: row["gain"]["ci95"][1],
    }
    of_run = tracker.run(called.run.run_id).metrics
    for name, figure in figures.items():
        expected = {row["labels"]: figure(row) for row in stored["comparison"]}
        history = tracker.client.get_metric_history(stage.run_id, name)
        assert {metric.step: metric.value for metric in history} == expected
        assert {labels: of_run[f"{name}_at_{labels}"] for labels in expected} == expected


def test_the_best_trial_of_the_best_arm_with_the_most_labels_is_exported(digits_home):
    called = digits_home.called
    tracker = called.context.tracker
    (stage,) = [c for c in tracker.children(called.run.run_id) if c.tags["stage"] == "export"]
    kept: dict[str, list[float]] = {}
    for trial, result in called.trials:
        if trial.labels == 200 and trial.arm in ARMS:
            kept.setdefault(trial.arm, []).append(result.metrics["validation_accuracy_kept"])
    best = kept[stage.tags["arm"]]
    assert sum(best) == max(map(sum, kept.values()))
    assert stage.tags["labels"] == "200"
    assert best[int(stage.tags["seed"])] == max(best)


def test_no_artifact_is_a_pickle(digits_run):
    files = [path for path in (digits_run.home / "mlruns").rglob("*") if path.is_file()]
    assert len(files) > 20
    assert {path.suffix for path in files}.isdisjoint({".pkl", ".pickle", ".joblib", ".npy"})
    # A pickle of any protocol that is in use begins so.
    assert [path for path in files if path.read_bytes()[:1] == b"\x80"] == []


def test_a_finished_run_leaves_no_scratch_behind(digits_run):
    assert not digits_run.called.run.scratch.exists()


# A second run


@pytest.fixture(scope="module")
def second_run(digits_run, at_home) -> Called:
    """The same config again."""
    with pytest.MonkeyPatch.context() as patch:
        at_home(digits_run.home, patch)
        return call_stages(digits_run.config)


def test_a_second_run_computes_nothing_and_gives_the_same_numbers(digits_run, second_run):
    first = digits_run.called
    assert recomputed(second_run) == (
        [False, False],
        {arm: {False} for arm in ("pretrained", "random", "frozen")},
    )
    for before, after in zip(first.levels, second_run.levels, strict=True):
        assert (after.run_id, after.key) == (before.run_id, before.key)
        numbers = without_seconds(before)
        assert {name: after.metrics[name] for name in numbers} == numbers
    assert [trial for trial, _ in first.trials] == [trial for trial, _ in second_run.trials]
    for (_, before), (_, after) in zip(first.trials, second_run.trials, strict=True):
        assert after.run_id == before.run_id
        for name in ("accuracy", "validation_accuracy_kept", "encoder_rate", "validation_rows"):
            assert after.metrics[name] == before.metrics[name]


def test_a_cached_stage_says_so_and_links_to_the_run_that_did_the_work(digits_run, second_run):
    tracker = second_run.context.tracker
    children = tracker.children(second_run.run.run_id)
    cached = [child for child in children if child.tags["stage"] in ("pretrain", "finetune")]
    sources = {level.run_id for stack in digits_run.called.stacks for level in stack}
    sources |= {stage.run_id for _, stage in digits_run.called.trials}
    assert {child.tags["cached"] for child in cached} == {"True"}
    assert {child.tags["cached_from"] for child in cached} == sources
    assert not sources & {child.run_id for child in children}
    levels = {(child.tags.get("level"), child.tags.get("stack")): child for child in cached}
    level = levels["2", "0"]
    first = digits_run.called.levels[1].metrics
    assert level.metrics["explained_variance"] == first["explained_variance"]
    assert level.params == tracker.run(digits_run.called.levels[1].run_id).params


# What a change recomputes


def test_changing_level_2_recomputes_level_2_and_what_follows_not_level_1(digits_home):
    called = call_stages(changed(digits_home.config, stack={1: {"epochs": 2}}))
    levels, arms = recomputed(called)
    assert levels == [False, True]
    assert arms == {"pretrained": {True}, "random": {False}, "frozen": {True}}
    assert called.levels[0].run_id == digits_home.called.levels[0].run_id
    assert called.levels[1].metrics != digits_home.called.levels[1].metrics


def test_changing_level_1_recomputes_level_2_as_well(digits_home):
    trial = {"arms": ["frozen"], "label_budgets": [40], "seeds": 1}
    config = changed(digits_home.config, stack={0: {"epochs": 1}}, finetune=trial)
    assert recomputed(call_stages(config)) == ([True, True], {"frozen": {True}})


def test_a_new_seed_and_a_new_budget_compute_only_their_own_trials(digits_home):
    config = changed(
        digits_home.config,
        finetune={"seeds": 3, "label_budgets": [40, 100], "arms": ["frozen"]},
    )
    called = call_stages(config)
    cached = [[level.cached for level in stack] for stack in called.stacks]
    assert cached == [[True, True], [True, True], [False, False]]  # the new seed's stack is new
    computed = {(t.labels, t.seed) for t, stage in called.trials if not stage.cached}
    assert computed == {(40, 2), (100, 0), (100, 1), (100, 2)}


@pytest.mark.parametrize("part", ["learning_rate", "epochs", "weight_decay", "checkpoints"])
def test_changing_fine_tuning_leaves_the_levels(part, digits_home):
    value = {"learning_rate": 0.02, "epochs": 5, "weight_decay": 0.0, "checkpoints": 3}[part]
    config = changed(
        digits_home.config,
        finetune={part: value, "arms": ["frozen"], "label_budgets": [40], "seeds": 1},
    )
    assert recomputed(call_stages(config)) == ([False, False], {"frozen": {True}})


def test_another_seed_of_the_run_recomputes_everything(digits_home):
    trial = {"arms": ["frozen"], "label_budgets": [40], "seeds": 1}
    same, other = (changed(digits_home.config, seed=seed, finetune=trial) for seed in (0, 1))
    assert recomputed(call_stages(same)) == ([False, False], {"frozen": {False}})
    assert recomputed(call_stages(other)) == ([True, True], {"frozen": {True}})


def test_the_same_data_under_another_name_are_not_computed_again(digits_home, tmp_path):
    from sklearn.datasets import load_digits

    digits = load_digits()
    np.savez(tmp_path / "copy.npz", x=digits.images, y=digits.target)
    config = changed(digits_home.config, data={"source": str(tmp_path / "copy.npz")})
    assert recomputed(call_stages(config))[0] == [False, False]


def test_one_other_value_in_the_data_recomputes_everything(digits_home, tmp_path):
    from sklearn.datasets import load_digits

    digits = load_digits()
    digits.images[0, 0, 3] += 1
    np.savez(tmp_path / "copy.npz", x=digits.images, y=digits.target)
    config = changed(digits_home.config, data={"source": str(tmp_path / "copy.npz")})
    context, plan = begin(config)
    assert plan.data.key != digits_home.called.plan.data.key
    assert not perform(plan.level(0, 1, []), context).cached


def test_a_new_reference_computes_only_its_own_trials(digits_home):
    config = changed(
        digits_home.config,
        finetune={"references": ["logistic"], "label_budgets": [40], "arms": ["frozen"]},
    )
    called = call_stages(config)
    assert recomputed(called) == ([False, False], {"frozen": {False}, "logistic": {True}})
    again = call_stages(changed(config, stack={1: {"epochs": 1}}))
    assert recomputed(again) == ([False, True], {"frozen": {True}, "logistic": {False}})


def test_where_the_export_goes_recomputes_nothing(digits_home, tmp_path):
    config = changed(
        digits_home.config,
        export={"directory": str(tmp_path)},
        execution={"workers": 2},
    )
    assert recomputed(call_stages(config))[0] == [False, False]


# Several stacks


@pytest.fixture(scope="module")
def taking_turns(digits_run, at_home) -> Called:
    """Two stacks for three seeds of the pretrained arm."""
    trials = {"arms": ["pretrained"], "label_budgets": [40], "seeds": 3}
    with pytest.MonkeyPatch.context() as patch:
        at_home(digits_run.home, patch)
        return call_stages(changed(digits_run.config, pretrain_seeds=2, finetune=trials))


def test_by_default_each_seed_has_a_stack_of_its_own(digits_home):
    called = digits_home.called
    assert len(called.stacks) == called.config.finetune.seeds == 2
    tracker = called.context.tracker
    for trial, stage in called.trials:
        expected = None if trial.arm == "random" else str(trial.seed)
        assert tracker.run(stage.run_id).tags.get("stack") == expected


def test_the_stacks_of_a_run_with_more_seeds_begin_with_those_of_one_with_fewer(
    digits_run, taking_turns
):
    for stack, before in zip(taking_turns.stacks, digits_run.called.stacks, strict=True):
        assert [level.run_id for level in stack] == [level.run_id for level in before]


def test_the_first_stack_is_that_of_a_run_with_one(digits_home):
    trials = {"arms": ["frozen"], "label_budgets": [40], "seeds": 2}
    one = call_stages(changed(digits_home.config, pretrain_seeds=1, finetune=trials))
    (stack,) = one.stacks
    assert [level.run_id for level in stack] == [s.run_id for s in digits_home.called.levels]
    # Seed 0 stands on the stack it stood on, seed 1 on another.
    assert [stage.cached for _, stage in one.trials] == [True, False]


def test_stacks_differ_in_their_weights(digits_home):
    called = digits_home.called
    stored = [artifact(called.context, s[0].run_id, "autoencoder.keras") for s in called.stacks]
    one, two = (keras.saving.load_model(file, compile=False).get_weights()[0] for file in stored)
    assert np.abs(one - two).mean() > 0.01


def test_the_seeds_use_fewer_stacks_in_turn(taking_turns):
    tracker = taking_turns.context.tracker
    tags = {t.seed: tracker.run(stage.run_id).tags for t, stage in taking_turns.trials}
    assert {seed: of_seed["stack"] for seed, of_seed in tags.items()} == {0: "0", 1: "1", 2: "0"}
    # Seeds 0 and 1 are cached from a run with a stack for each of them, which are the same.
    cached = [stage.cached for _, stage in taking_turns.trials]
    assert cached == [True, True, False]


def test_the_summary_has_of_each_level_the_mean_over_the_stacks(uri, tmp_path):
    trials = {"arms": ["frozen"], "label_budgets": [50], "seeds": 2, "min_steps": 20}
    config = {"name": "two", "stack": [PENALTY], "finetune": trials}
    whole = whole_run(check(config), tmp_path)
    explained = [stack[0].metrics["explained_variance"] for stack in whole.called.stacks]
    assert explained[0] != explained[1]
    (layer,) = whole.summary["layers"]
    assert layer["explained_variance"] == pytest.approx(np.mean(explained))
    assert layer["cached"] is False
    assert whole.summary["pretrain_seeds"] == 2
    seconds = [stack[0].metrics["seconds"] for stack in whole.called.stacks]
    assert whole.summary["seconds"]["pretrain 1"] == pytest.approx(sum(seconds), abs=0.5)


# Arms that control for what pretraining brings beside its weights


def test_the_controls_start_from_the_random_arm_s_weights(digits_home):
    """One with the head alone to train, one with as much more training as pretraining took."""
    config = changed(
        digits_home.config,
        stack={0: {"epochs": 1}, 1: {"epochs": 1}},
        finetune={"arms": ["random", "untrained_codes", "compute_matched"], "label_budgets": [40],
                  "seeds": 1},
    )  # fmt: skip
    called = call_stages(config)
    tracker = called.context.tracker
    by_arm = {trial.arm: stage for trial, stage in called.trials}
    assert by_arm["untrained_codes"].metrics["encoder_rate"] == 0
    assert by_arm["compute_matched"].metrics["encoder_rate"] > 0
    context = called.context
    files = {arm: artifact(context, stage.run_id, "network.keras") for arm, stage in by_arm.items()}
    kernels = {
        arm: keras.saving.load_model(file, compile=False).get_weights()[0]
        for arm, file in files.items()
    }
    moved = {arm: np.abs(k - kernels["untrained_codes"]).mean() for arm, k in kernels.items()}
    assert 0 < moved["random"] < moved["compute_matched"]
    # How pretraining is done matters to the arm that matches it, to the other two it does not.
    longer = call_stages(changed(config, stack={1: {"epochs": 2}}))
    assert recomputed(longer)[1] == {
        "random": {False}, "untrained_codes": {False}, "compute_matched": {True}
    }  # fmt: skip
    assert tracker.run(by_arm["random"].run_id).tags.get("stack") is None


# Damage


@pytest.fixture
def small(uri) -> Called:
    """A run of one level and one trial in a store of its own."""
    config = check(
        {
            "name": "small",
            "stack": [PENALTY],
            "finetune": {"arms": ["frozen"], "label_budgets": [50], "seeds": 1, "min_steps": 20,
                         "epochs": 1, "checkpoints": 1},
        }
    )  # fmt: skip
    return call_stages(config)


def test_a_damaged_level_is_computed_again_and_comes_out_the_same(small):
    weights = artifact(small.context, small.levels[0].run_id, "autoencoder.keras")
    before = keras.saving.load_model(weights, compile=False).get_weights()
    weights.write_bytes(weights.read_bytes()[:-100])
    again = call_stages(small.config)
    # What stands on the level is still good: the level came out as it was.
    assert recomputed(again) == ([True], {"frozen": {False}})
    assert without_seconds(again.levels[0]) == without_seconds(small.levels[0])
    restored = artifact(again.context, again.levels[0].run_id, "autoencoder.keras")
    after = keras.saving.load_model(restored, compile=False).get_weights()
    for one, two in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, two)
    third = call_stages(small.config)
    assert recomputed(third) == ([False], {"frozen": {False}})
    assert third.levels[0].run_id == again.levels[0].run_id


def test_a_trial_whose_network_is_gone_is_computed_again(small):
    artifact(small.context, small.trials[0][1].run_id, "network.keras").unlink()
    again = call_stages(small.config)
    assert recomputed(again) == ([False], {"frozen": {True}})
    assert without_seconds(again.trials[0][1]) == without_seconds(small.trials[0][1])


# Computed again because it was asked for


def test_a_refreshing_run_computes_everything_and_comes_out_the_same(small):
    again = call_stages(small.config, refresh=True)
    assert recomputed(again) == ([True], {"frozen": {True}})
    assert without_seconds(again.levels[0]) == without_seconds(small.levels[0])
    assert without_seconds(again.trials[0][1]) == without_seconds(small.trials[0][1])
    third = call_stages(small.config)
    assert recomputed(third) == ([False], {"frozen": {False}})
    assert third.levels[0].run_id == again.levels[0].run_id


class CleanedMeanwhile(PretrainLevel):
    """A level that is marked by a cleaning after it was found in the cache."""

    def restore(self, context: Context, earlier: FinishedRun):
        context.tracker.client.set_tag(earlier.run_id, CLEANED, "marked")
        return super().restore(context, earlier)


def test_a_stage_that_is_cleaned_while_it_is_taken_from_the_cache_is_done_again(uri):
    context, plan = begin(check({"name": "cleaned", "stack": [PENALTY]}))
    level = plan.level(0, 1, [])
    first = perform(level, context)
    assert perform(level, context).cached
    with pytest.raises(OSError, match=f"`layerwise clean` removes .* {first.run_id}") as caught:
        perform(CleanedMeanwhile(level.settings, level.inputs), context)
    assert transient(caught.value)  # so the task that called it tries again
    assert not perform(level, context).cached


# Codes between levels


def test_codes_of_a_level_are_computed_once(uri):
    config = check({"name": "codes", "stack": [PENALTY, PENALTY]})
    context, plan = begin(config)
    scratch, prepared = context.run.scratch, context.data
    first = perform(plan.level(0, 1, []), context)
    assert not list(scratch.glob("*-0-1.npy"))
    perform(plan.level(0, 2, [first]), context)
    files = [scratch / f"{part}-0-1.npy" for part in ("pretrain", "validation")]
    written = [(file.stat().st_ino, file.stat().st_mtime_ns) for file in files]
    other = changed(config, stack={1: {"epochs": 1}})
    level = plan_of(other, prepared, done=plan.data).level(0, 2, [first])
    assert not perform(level, context).cached
    assert [(file.stat().st_ino, file.stat().st_mtime_ns) for file in files] == written
    # They are the activations of the first level for training and validation rows.
    stored = artifact(context, first.run_id, "autoencoder.keras")
    kernel, bias, *_ = keras.saving.load_model(stored, compile=False).get_weights()
    for file, part in zip(files, ("pretrain", "validation"), strict=True):
        rows = prepared.rows[getattr(prepared.splits, part)]
        expected = np.maximum(rows @ kernel + bias, 0)
        np.testing.assert_allclose(np.load(file), expected, atol=1e-5)
    assert {path.name for path in scratch.iterdir()} == {
        "data", "pretrain-0-1.npy", "validation-0-1.npy"
    }  # fmt: skip


# Failure


def test_a_level_that_diverges_fails_its_run_and_is_not_taken_for_finished(uri):
    config = check({"name": "diverges", "stack": [PENALTY | {"learning_rate": 1e20}]})
    context, plan = begin(config)
    for _ in range(2):
        with pytest.raises(DivergedError):
            perform(plan.level(0, 1, []), context)
    fail_run(context.run, RuntimeError())
    found = context.tracker.client.search_runs([context.tracker.experiment_id])
    ended = sorted((r.data.tags["layerwise.stage"], r.info.status) for r in found)
    assert ended == [
        ("data", "FINISHED"),
        ("pretrain", "FAILED"),
        ("pretrain", "FAILED"),
        ("run", "FAILED"),
    ]
    assert not context.run.scratch.exists()


def test_data_that_cannot_be_used_fail_before_anything_is_trained(uri):
    config = check({"name": "refused", "finetune": {"label_budgets": [3]}})
    with pytest.raises(InputError, match="each of the 10 classes"):
        begin(config)
    tracker = Tracker(uri, "refused")
    runs = tracker.client.search_runs([tracker.experiment_id])
    assert {run.data.tags["layerwise.stage"] for run in runs} == {"run", "data"}


# Threads


def test_trials_at_the_same_time_give_what_they_give_one_by_one(digits_home):
    called = digits_home.called
    config = changed(called.config, name="threads")
    context, plan = begin(config, refresh=True)
    trials = [
        Trial(arm=arm, labels=40, seed=seed) for arm in ("pretrained", "random") for seed in (0, 1)
    ]
    gate = threading.Barrier(2)

    def work(trial: Trial) -> float:
        gate.wait(timeout=60)
        stage = perform(plan.trial(trial, called.stacks), context)
        assert not stage.cached
        return stage.metrics["accuracy"]

    with ThreadPoolExecutor(2) as pool:
        together = dict(zip(trials, pool.map(work, trials), strict=True))
    one_by_one = {trial: stage.metrics["accuracy"] for trial, stage in called.trials}
    assert together == {trial: one_by_one[trial] for trial in trials}
    fail_run(context.run, RuntimeError())


def test_what_is_compiled_serves_the_trials_of_six_threads(uri, monkeypatch):
    traced: list[int] = []
    made: list[finetuning.Finetuner] = []
    loss = NetworkObjective.loss

    class Counted(finetuning.Finetuner):
        def __init__(self, *given):
            super().__init__(*given)
            made.append(self)

    def counted(objective, *given):
        traced.append(threading.get_ident())  # Python comes here only where TensorFlow traces
        return loss(objective, *given)

    monkeypatch.setattr(lending, "Finetuner", Counted)
    monkeypatch.setattr(NetworkObjective, "loss", counted)
    config = check(
        {
            "name": "six",
            "stack": [{"units": 17, "epochs": 1}],
            "pretrain_seeds": 1,
            "finetune": {"arms": ["pretrained", "random"], "label_budgets": [30, 60], "seeds": 6,
                         "epochs": 1, "min_steps": 2, "checkpoints": 1, "batch_size": 20},
        }
    )  # fmt: skip
    context, plan = begin(config)
    stacks = [[perform(plan.level(0, 1, []), context)]]
    first, *others = plan.trials
    perform(plan.trial(first, stacks), context)
    of_one = len(traced)
    assert (len(made), of_one > 0, len(others)) == (1, True, 23)
    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda trial: perform(plan.trial(trial, stacks), context), others))
    assert not any(outcome.cached for outcome in done)
    assert len(made) <= 6
    assert len(traced) == len(made) * of_one
    # As many trials again, and nothing is traced.
    before = len(traced)
    context, plan = begin(config, refresh=True)
    with ThreadPoolExecutor(6) as pool:
        again = pool.map(lambda trial: perform(plan.trial(trial, stacks), context), others)
        assert [without_seconds(outcome) for outcome in again] == [
            without_seconds(outcome) for outcome in done
        ]
    assert len(made) <= 6
    assert len(traced) == len(made) * of_one >= before
    fail_run(context.run, RuntimeError())


# A regression


def test_a_regression_is_scored_by_r_squared_from_end_to_end(uri, tmp_path):
    table = load_diabetes(as_frame=True).frame
    table.to_csv(tmp_path / "diabetes.csv", index=False)
    config = check(
        {
            "name": "diabetes",
            "data": {"source": str(tmp_path / "diabetes.csv"), "label": "target"},
            "task": {"kind": "regression"},
            "stack": [{"units": 16, "epochs": 20, "batch_size": 32}],
            "finetune": {"arms": ["pretrained"], "label_budgets": ["all"], "seeds": 1,
                         "encoder_rates": [0.3]},
        }
    )  # fmt: skip
    called = call_stages(config)
    metrics = called.trials[0][1].metrics
    # Least squares reach about 0.45 on this table.
    assert 0.3 < metrics["r2"] < 0.7
    assert "validation_r2_kept" in metrics
    assert "accuracy" not in metrics


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_number_far_from_0_is_exported_as_well_as_it_is_scored(suffix, uri, tmp_path):
    table = load_diabetes(as_frame=True).frame
    progression = (table["target"] - table["target"].mean()) / table["target"].std()
    table["target"] = 1.764e9 + 37 * progression
    source = tmp_path / f"times.{suffix}"
    if suffix == "csv":
        table.to_csv(source, index=False)
    else:
        table.to_parquet(source, index=False)
    config = check(
        {
            "name": "times",
            "data": {"source": str(source), "label": "target"},
            "stack": [{"units": 16, "epochs": 20, "batch_size": 32}],
            "finetune": {"arms": ["pretrained"], "label_budgets": [100, "all"], "seeds": 1,
                         "encoder_rates": [0.3], "references": []},
        }
    )  # fmt: skip
    whole = whole_run(config, tmp_path)
    (few, of_few), (_, best) = whole.called.trials
    assert 0.3 < best.metrics["r2"] < 0.7
    data = prepare(config.data, config.task, config.seed, tmp_path / "data")

    # Offset and scale are of the labels of the budget alone.
    subset = derive(config.seed, "subset", few.seed)
    shown = trial_rows(data, few.labels, subset, all_unlabelled=False).train.targets
    assert len(shown) == 100
    for outcome, targets in ((of_few, shown), (best, data.targets[data.splits.train])):
        assert outcome.metrics["target_offset"] == pytest.approx(targets.mean(), abs=1e-5)
        assert outcome.metrics["target_scale"] == pytest.approx(targets.std())

    found = infer(whole.model, "serve", *read_rows(str(source), model_columns(whole.model))[:2])
    test = data.splits.test
    predictions = found["prediction"].to_numpy()[test]
    assert r2_score(table["target"].to_numpy()[test], predictions) == pytest.approx(
        best.metrics["r2"], abs=1e-4
    )
    assert len(np.unique(predictions)) == len(test)
    write_tables([pa.Table.from_pandas(found)], tmp_path / "predictions.csv")
    written = pd.read_csv(tmp_path / "predictions.csv", float_precision="round_trip")
    np.testing.assert_array_equal(written["prediction"], found["prediction"])


# What a run is called


def test_a_run_of_another_name_takes_what_was_computed_before(small):
    config = small.config.model_copy(update={"name": "renamed"})
    renamed = call_stages(config)
    assert recomputed(renamed) == ([False], {"frozen": {False}})
    assert renamed.levels[0].run_id == small.levels[0].run_id
