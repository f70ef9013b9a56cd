"""data.resplit: each seed splits the rows anew, and has a stack that read none of its test rows."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

from pipeline.config.loading import check
from pipeline.config.schema import RunConfig
from pipeline.errors import InputError
from pipeline.report.tables import headline, notes
from pipeline.report.verdict import verdict_sentence
from pipeline.stages.base import perform
from pipeline.stages.plan import check_data
from pipeline.stages.summary import read_report
from pipeline.tracking.find import find_run
from tests.pipeline.whole_runs import Whole, begin, whole_run

SEEDS = 3


def config_of(file: Path, **data) -> RunConfig:
    return check(
        {
            "name": "resplit",
            "data": {"source": str(file), "label": "species", "resplit": True, **data},
            "stack": [{"units": 6, "epochs": 2, "batch_size": 16}],
            "finetune": {
                "arms": ["pretrained", "random"],
                "references": ["logistic"],
                "label_budgets": [20],
                "seeds": SEEDS,
                "epochs": 2,
                "min_steps": 10,
                "encoder_rates": [0.3],
            },
        }
    )


@pytest.fixture(scope="module")
def flowers(tmp_path_factory) -> Path:
    iris = load_iris(as_frame=True)
    table = iris.data.assign(species=iris.target_names[iris.target], patch=np.arange(150) // 2)
    file = tmp_path_factory.mktemp("flowers") / "flowers.csv"
    table.to_csv(file, index=False)
    return file


@pytest.fixture(scope="module")
def run(flowers: Path, at_home, tmp_path_factory) -> Whole:
    home = tmp_path_factory.mktemp("resplit")
    with pytest.MonkeyPatch.context() as patch:
        at_home(home, patch)
        return whole_run(config_of(flowers), home)


@pytest.fixture
def home(run: Whole, at_home, monkeypatch) -> Whole:
    at_home(run.home, monkeypatch)
    return run


@pytest.fixture
def splits(flowers, uri):
    context, plan = begin(config_of(flowers))
    return context, plan, [context.data_of(seed) for seed in range(SEEDS)]


def test_each_seed_has_test_rows_of_its_own(splits):
    _, _, prepared = splits
    tests = [set(data.splits.test.tolist()) for data in prepared]
    assert [len(test) for test in tests] == [30] * SEEDS
    shared = [len(tests[a] & tests[b]) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert all(0 < count < 15 for count in shared)  # by chance a fifth
    for data in prepared:  # classes in their shares
        assert np.bincount(data.targets[data.splits.test]).tolist() == [10] * 3


def test_a_stack_reads_no_test_row_of_its_seed(splits):
    context, plan, prepared = splits
    digests = {plan.level(stack, 1, ()).settings.rows_read for stack in range(SEEDS)}
    assert digests == {data.rows_read for data in prepared}
    assert len(digests) == SEEDS
    for data in prepared:
        held_out = {*data.splits.test.tolist(), *data.splits.validation.tolist()}
        assert not held_out & set(data.splits.pretrain.tolist())


def test_what_is_learned_of_the_rows_is_learned_of_each_split(splits):
    _, _, prepared = splits
    assert len({str(data.preprocessing.to_json()) for data in prepared}) == SEEDS


def test_the_first_split_is_that_of_a_run_with_one(flowers, splits):
    _, _, (first, *_) = splits
    alone, _ = begin(config_of(flowers, resplit=False))
    np.testing.assert_array_equal(alone.data.splits.test, first.splits.test)


def test_trials_are_scored_on_the_test_rows_of_their_seed(home):
    from pipeline.tracking.artifacts import predictions_of

    again, _ = begin(home.config)
    for trial, done in home.called.trials:
        _, true, _ = predictions_of(again.tracker, done.run_id)
        data = again.data_of(trial.seed)
        np.testing.assert_array_equal(true, data.targets[data.splits.test])


def test_a_run_with_resplit_is_cached_as_a_whole_and_comes_to_the_same(home):
    again = whole_run(home.config, home.home)
    assert all(done.cached for _, done in again.called.trials)
    assert again.summary["comparison"] == home.summary["comparison"]


def test_one_split_is_no_cache_for_several(flowers, home):
    context, plan = begin(config_of(flowers, resplit=False))
    levels = [plan.level(stack, 1, ()) for stack in range(SEEDS)]
    # The first split is the same: its stack is there already, and no other.
    assert [bool(context.tracker.finished(level.key)) for level in levels] == [True, False, False]
    stacks = [[perform(level, context)] for level in levels]
    trials = [plan.trial(trial, stacks) for trial in plan.trials]
    assert not any(context.tracker.finished(trial.key) for trial in trials)


def test_verdict_headline_notes_and_report_say_so(home):
    summary = home.summary
    assert "split anew for each of 3 seeds" in headline(summary)
    assert "The rows were split anew for each of 3 seeds" in verdict_sentence(summary)
    assert any("widened for the rows that splits share" in note for note in notes(summary))
    report = read_report(*find_run(summary["run_id"]))
    assert "The rows were split anew for each of 3 seeds" in report


def test_intervals_are_wider_than_those_of_independent_seeds(home):
    from pipeline.evaluation.gain import paired_gain

    for row in home.summary["comparison"]:
        assert 0 < row["correlation"] < 0.5
        arms = row["arms"]
        for arm, found in ((None, row["gain"]), ("logistic", row["against"]["logistic"])):
            other = arms[arm or "random"]["accuracy"]
            naive = paired_gain(arms["pretrained"]["accuracy"], other)
            if naive.interval:
                assert np.ptp(found["ci95"]) > np.ptp(naive.interval)


def test_groups_stay_together_in_every_split(flowers, uri):
    context, _ = begin(config_of(flowers, group="patch"))
    patch = pd.read_csv(flowers)["patch"].to_numpy()
    for seed in range(SEEDS):
        parts = context.data_of(seed).splits
        assert not set(patch[parts.test]) & set(patch[parts.train])


def test_what_fixes_test_rows_contradicts_it(flowers, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="resplit draws test and validation rows anew"):
        config_of(flowers, holdout="stable")
    with pytest.raises(InputError, match="resplit draws test and validation rows anew"):
        config_of(flowers, time="patch")
    given = config_of(flowers).model_dump(mode="json")
    with pytest.raises(InputError, match="a stack for each seed"):
        check(given | {"pretrain_seeds": 1})
    with pytest.raises(InputError, match="pretrain.from needs"):
        check(given | {"pretrain": {"from": "another"}})
    monkeypatch.chdir(tmp_path)
    rows = np.random.default_rng(0).random((60, 3))
    np.savez("own.npz", x=rows, y=np.arange(60) % 2, x_test=rows + 1, y_test=np.arange(60) % 2)
    own = config_of(Path("own.npz"), label=None)
    with pytest.raises(InputError, match="leave data.resplit out"):
        check_data(own)


def test_many_rows_are_drawn_too_where_resplit_asks_for_it(tmp_path, uri):
    rows = np.random.default_rng(0).random((2500, 3))
    np.savez(tmp_path / "many.npz", x=rows, y=np.arange(2500) % 2)
    context, _ = begin(config_of(tmp_path / "many.npz", label=None))
    assert context.data.holdout == "resplit"
    assert 450 < len(context.data.splits.test) < 550
