"""Trials: which there are, and that arms of one seed see the same rows."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.config.arms import ARMS
from pipeline.config.data import DataConfig
from pipeline.config.finetune import FinetuneConfig
from pipeline.config.level import LevelConfig
from pipeline.config.schema import RunConfig
from pipeline.config.task import AutoTask, ClassificationTask
from pipeline.data.prepared import Prepared, prepare
from pipeline.data.trial_rows import Parts, trial_rows
from pipeline.errors import InputError
from pipeline.seeds import derive
from pipeline.stages.base import Outcome
from pipeline.stages.finetune import FinetuneTrial
from pipeline.stages.plan import Plan, check_data, plan_of
from pipeline.stages.trial import Trial
from tests.pipeline.whole_runs import call_stages

STACK = (LevelConfig(units=8),)


def config(**finetune) -> RunConfig:
    return RunConfig(stack=STACK, finetune=FinetuneConfig(**finetune))


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Prepared:
    """Digits: 1222 training, 216 validation and 359 test rows."""
    return prepare(DataConfig(), AutoTask(), 0, tmp_path_factory.mktemp("prepared") / "data")


@pytest.fixture(scope="module")
def half_labelled(tmp_path_factory) -> Prepared:
    """Digits of which every second row has no label."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    folder = tmp_path_factory.mktemp("half")
    labels = y.astype(float)
    labels[::2] = np.nan
    np.savez(folder / "half.npz", x=x, y=labels)
    return prepare(DataConfig(source=str(folder / "half.npz")), AutoTask(), 0, folder / "data")


def trials_of(config: RunConfig, data: Prepared) -> list[Trial]:
    return list(plan_of(config, data).trials)


def trial(arm: str = "random", labels: int = 50, seed: int = 0) -> Trial:
    return Trial(arm=arm, labels=labels, seed=seed)


def below(number: int, name: str = "below") -> list[Outcome]:
    """Levels below a level, as if they were done."""
    return [Outcome("", name, {}, False)] * (number - 1)


def stage_of(plan: Plan, trial: Trial) -> FinetuneTrial:
    """The stage of a trial on stacks that are done."""
    stacks = [below(2, f"stack {stack}") for stack in range(plan.config.stacks)]
    stage = plan.trial(trial, stacks)
    assert isinstance(stage, FinetuneTrial)
    return stage


def rows_of(part) -> set[bytes]:
    return {row.tobytes() for row in part.rows}


# Which there are


def test_there_is_a_trial_for_each_budget_seed_and_arm(data):
    trials = trials_of(config(label_budgets=(20, 50), seeds=2, arms=("pretrained", "random")), data)
    assert trials == [
        Trial(arm=arm, labels=labels, seed=seed)
        for labels in (20, 50)
        for seed in (0, 1)
        for arm in ("pretrained", "random")
    ]
    assert trials[0].name == "fine-tune pretrained, 20 labels, seed 0"


def test_shares_are_of_the_training_rows(data):
    trials = trials_of(config(label_budgets=(0.1, 0.5, "all"), seeds=1, arms=("random",)), data)
    assert [trial.labels for trial in trials] == [122, 611, 1222]


def test_budgets_that_come_to_the_same_number_are_one(data):
    trials = trials_of(config(label_budgets=(0.5, 611, "all", 1222), seeds=1), data)
    assert sorted({trial.labels for trial in trials}) == [611, 1222]
    assert len(trials) == 2 * 3


def test_a_number_may_include_the_validation_rows(data):
    trials = trials_of(config(label_budgets=(1438,), seeds=1), data)
    assert {trial.labels for trial in trials} == {1438}


def test_a_budget_beyond_all_rows_is_refused(data):
    with pytest.raises(InputError, match=r"label_budgets.*1438\. Given: 1439\. Lower it"):
        trials_of(config(label_budgets=(20, 1439)), data)


def test_a_budget_below_the_number_of_classes_is_refused(data):
    with pytest.raises(InputError, match=r"each of the 10 classes at least\. Given: 9 of 1222"):
        trials_of(config(label_budgets=(9,)), data)


@pytest.mark.parametrize(("classes", "rows"), [(20, 3), (3, 3), (2, 4), (40, 5)])
def test_default_budgets_fit_small_tables_and_many_classes(tmp_path: Path, classes: int, rows: int):
    """Every budget has a label of each class that is left."""
    x = np.random.default_rng(0).random((classes * rows + 2, 2))
    y = [*np.repeat(np.arange(classes), rows), 999, 999]
    np.savez(tmp_path / "small.npz", x=x, y=y)
    source = DataConfig(source=str(tmp_path / "small.npz"))
    data = prepare(source, ClassificationTask(), 0, tmp_path / "data")
    budgets = {trial.labels for trial in trials_of(config(), data)}
    assert min(budgets) >= classes == len(data.classes)
    assert max(budgets) == len(data.splits.train)
    assert any("'999' (2 rows)" in note for note in data.notes)


def test_data_that_cannot_be_used_is_refused_and_nothing_is_kept(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="each of the 10 classes"):
        check_data(config(label_budgets=(3,)))
    with pytest.raises(InputError, match="data.label"):
        check_data(RunConfig(stack=STACK, data=DataConfig(label="y")))
    assert list(tmp_path.iterdir()) == []


def test_data_that_were_checked_are_not_read_again(tmp_path: Path, monkeypatch, data):
    monkeypatch.chdir(tmp_path)
    checked = config(label_budgets=(20,))
    check_data(checked)
    monkeypatch.setattr("pipeline.data.prepared.read", None)
    prepared = prepare(checked.data, checked.task, checked.seed, tmp_path / "scratch" / "data")
    np.testing.assert_array_equal(prepared.rows, data.rows)
    assert not list(tmp_path.glob(".layerwise-*"))


def test_each_stack_has_its_levels_from_the_rows_upward(data):
    plan = plan_of(RunConfig(stack=STACK * 2, finetune=FinetuneConfig(seeds=2)), data)
    assert plan.config.stacks == 2
    levels = [plan.level(stack, n, below(n)) for stack in (0, 1) for n in (1, 2)]
    assert [level.name for level in levels] == [
        "pretrain level 1", "pretrain level 2",
        "pretrain level 1, stack 2", "pretrain level 2, stack 2",
    ]  # fmt: skip
    assert [len(level.inputs) for level in levels] == [0, 1, 0, 1]
    assert len({level.key for level in levels}) == 4


@pytest.mark.parametrize(
    ("asked_for", "seeds", "stacks"),
    [
        (None, 3, [0, 1, 2]),  # by default each seed has a stack of its own
        (5, 2, [0, 1]),  # there are no more stacks than seeds
        (2, 5, [0, 1, 0, 1, 0]),  # fewer are used in turn
        (1, 3, [0, 0, 0]),
    ],
)
def test_each_seed_has_its_stack(asked_for, seeds, stacks, data):
    made = RunConfig(stack=STACK, pretrain_seeds=asked_for, finetune=FinetuneConfig(seeds=seeds))
    assert made.stacks == len(set(stacks))
    plan = plan_of(made, data)
    assert [plan.stack_of(trial(seed=seed)) for seed in range(seeds)] == stacks
    trials = [stage_of(plan, trial("pretrained", seed=seed)) for seed in range(seeds)]
    assert [stage.inputs[1].key for stage in trials] == [f"stack {stack}" for stack in stacks]


def test_a_trial_stands_on_the_data_and_on_a_stack_if_it_starts_from_one(data):
    plan = plan_of(RunConfig(stack=STACK, finetune=FinetuneConfig(arms=tuple(ARMS))), data)
    stood_on = {arm: len(stage_of(plan, trial(arm)).inputs) for arm in ARMS}
    assert stood_on == {
        "pretrained": 2, "random": 1, "frozen": 2, "untrained_codes": 1, "compute_matched": 1,
        "one_level": 2,
    }  # fmt: skip


def test_arms_that_train_the_network_differ_in_their_first_weights_alone(data):
    plan = plan_of(RunConfig(stack=STACK, finetune=FinetuneConfig(arms=tuple(ARMS))), data)
    settings = {arm: stage_of(plan, trial(arm)).settings.model_dump() for arm in ARMS}

    def differ(one: str, other: str) -> set[str]:
        return {n for n in settings[one] if settings[one][n] != settings[other][n]}

    assert differ("pretrained", "random") == {"arm"}
    assert differ("frozen", "untrained_codes") == {"arm"}
    assert differ("random", "compute_matched") == {"arm", "more_steps"}
    assert differ("random", "untrained_codes") == {"arm", "training"}


# What each sees


def parts_of(config: RunConfig, data: Prepared, trial: Trial) -> Parts:
    settings = stage_of(plan_of(config, data), trial).settings
    seed = derive(settings.seed, "subset", settings.trial_seed)
    return trial_rows(data, settings.labels, seed, all_unlabelled=False)


def test_every_arm_and_reference_of_a_seed_sees_the_same_rows(uri, monkeypatch):
    seen: list[Parts] = []

    def watched(*given, **named) -> Parts:
        seen.append(trial_rows(*given, **named))
        return seen[-1]

    monkeypatch.setattr("pipeline.training.finetuning.trial.trial_rows", watched)
    monkeypatch.setattr("pipeline.stages.reference.trial_rows", watched)
    small = {"label_budgets": (50,), "seeds": 1, "epochs": 1, "min_steps": 1}
    made = RunConfig(
        name="rows",
        stack=(LevelConfig(units=8, epochs=1),),
        finetune=FinetuneConfig(arms=tuple(ARMS), references=("logistic",), **small),
    )
    called = call_stages(made)
    assert len(seen) == len(called.trials) == len(ARMS)  # one_level is pretrained here; logistic
    parts = seen
    for other in parts[1:]:
        for name in ("train", "validation", "test"):
            for one, two in zip(getattr(parts[0], name), getattr(other, name), strict=True):
                np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(parts[0].unlabelled, other.unlabelled)


def test_another_seed_draws_other_labels_but_no_other_validation_and_test_rows(data):
    one, two = (parts_of(config(), data, trial(seed=seed)) for seed in (0, 1))
    assert len(rows_of(one.train) & rows_of(two.train)) < 25
    np.testing.assert_array_equal(one.validation.rows, two.validation.rows)
    np.testing.assert_array_equal(one.test.rows, two.test.rows)


def test_another_seed_of_the_run_draws_other_labels(data):
    one = parts_of(config(), data, trial())
    two = parts_of(config().model_copy(update={"seed": 1}), data, trial())
    assert len(rows_of(one.train) & rows_of(two.train)) < 25


def test_a_larger_budget_shows_the_labels_of_a_smaller_one(data):
    small, large = (parts_of(config(), data, trial(labels=labels)) for labels in (50, 200))
    assert (len(small.train.rows), len(large.train.rows)) == (50, 200)
    assert rows_of(small.train) < rows_of(large.train)


def test_every_class_has_its_share_of_the_labels(data):
    counts = np.bincount(parts_of(config(), data, trial(labels=100)).train.targets)
    assert counts.sum() == 100
    assert set(counts) <= {9, 10, 11}


def test_rows_and_targets_belong_together(data, digits):
    images, classes = digits
    known = {row.tobytes(): target for row, target in zip(images, classes, strict=True)}
    parts = parts_of(config(), data, trial(labels=200))
    for part in (parts.train, parts.validation, parts.test):
        assert [known[row.tobytes()] for row in part.rows] == part.targets.tolist()


def test_no_row_is_in_two_parts(data, digits):
    assert len({row.tobytes() for row in digits[0]}) == 1797  # all rows differ
    parts = parts_of(config(), data, trial(labels=1222))
    sets = [rows_of(parts.train), rows_of(parts.validation), rows_of(parts.test)]
    assert [len(rows) for rows in sets] == [1222, 216, 359]
    assert len(set.union(*sets)) == 1797
    assert {row.tobytes() for row in parts.unlabelled}.isdisjoint(sets[1] | sets[2])


def test_up_to_the_training_rows_there_is_no_refit(data):
    assert parts_of(config(), data, trial(labels=1222)).refit is None


def test_beyond_the_training_rows_a_refit_includes_validation_rows(data):
    parts = parts_of(config(), data, trial(labels=1400))
    assert (len(parts.train.rows), len(parts.refit.rows)) == (1222, 1400)
    assert len(rows_of(parts.refit) & rows_of(parts.validation)) >= 1400 - 1222
    assert rows_of(parts.refit).isdisjoint(rows_of(parts.test))
    everything = parts_of(config(), data, trial(labels=1438)).refit
    assert rows_of(everything) == rows_of(parts.train) | rows_of(parts.validation)


def test_rows_without_a_label_standardise_the_code_and_nothing_else(half_labelled):
    labels = len(half_labelled.splits.train)
    parts = parts_of(config(), half_labelled, trial(labels=labels))
    assert len(parts.unlabelled) == labels + 899
    for part in (parts.train, parts.validation, parts.test):
        assert part.targets.min() >= 0
