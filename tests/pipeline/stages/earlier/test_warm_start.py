"""Levels that start from those of an earlier run, on rows that have come since."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.config.loading import check
from pipeline.config.pretrain import PretrainConfig
from pipeline.config.schema import RunConfig
from pipeline.data.sources.read import read_rows
from pipeline.errors import InputError
from pipeline.export.inference import infer, model_columns
from pipeline.stages.base import Outcome
from pipeline.stages.codes import stored_autoencoder
from pipeline.stages.context import Context, fail_run
from pipeline.stages.earlier.features import stored_features
from pipeline.stages.plan import Plan
from tests.pipeline.whole_runs import Whole, begin, pretrain_stacks, whole_run

LEVEL = {"sparsity": {"mechanism": "topk", "k": 4}, "epochs": 1, "batch_size": 64}
STACK = [{"units": 16, **LEVEL}, {"units": 8, **LEVEL}]


class Pretrained:
    """A finished run that stopped after its stacks, which is all that another starts from."""

    def __init__(self, config: RunConfig):
        self.context: Context
        self.plan: Plan
        self.context, self.plan = begin(config)
        self.stacks: list[list[Outcome]] = pretrain_stacks(self.context, self.plan)
        self.context.tracker.finish(self.context.parent)

    @property
    def run_id(self) -> str:
        return self.context.run.run_id

    @property
    def cached(self) -> set[bool]:
        return {level.cached for stack in self.stacks for level in stack}

    def weights(self, stack: int, number: int) -> list[np.ndarray]:
        return stored_autoencoder(self.context, self.stacks[stack][number - 1]).get_weights()


@pytest.fixture
def rows_of_night(uri: str, digits, tmp_path: Path):
    """Writes the first rows of the digits as those that there are tonight."""

    def write(rows: int, unlabelled: int = 0) -> None:
        x, y = digits
        labels = y[:rows].astype(float)
        labels[rows - unlabelled :] = np.nan
        np.savez(tmp_path / "night.npz", x=x[:rows], y=labels)

    return write


def nightly(**changes: Any) -> RunConfig:
    """A config that starts from its own last run, with some sections changed."""
    tree: dict[str, Any] = {
        "name": "nightly",
        "data": {"source": "night.npz", "holdout": "stable"},
        "stack": STACK,
        "pretrain": {"from": "nightly"},
        "finetune": {"seeds": 2, "label_budgets": [20]},
        "task": {"kind": "classification"},
    }
    for name, change in changes.items():
        tree[name] = {**tree[name], **change} if isinstance(change, Mapping) else change
    return check(tree)


def still(stack: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A stack that learns so slowly that weights stay where they start."""
    return [{**level, "learning_rate": 1e-12, "revive": False} for level in stack]


@pytest.mark.slow
def test_each_level_of_each_stack_starts_from_that_level_of_the_last_run(rows_of_night):
    rows_of_night(600)
    first = Pretrained(nightly())
    rows_of_night(800)
    second = Pretrained(nightly(stack=still(STACK)))
    for stack in (0, 1):
        for number in (1, 2):
            before, after = first.weights(stack, number), second.weights(stack, number)
            for old, new in zip(before, after, strict=True):
                np.testing.assert_allclose(new, old, atol=1e-6)
    assert not np.allclose(first.weights(0, 1)[0], first.weights(1, 1)[0])


@pytest.mark.slow
def test_the_first_run_of_an_experiment_starts_from_new_weights_and_says_so(rows_of_night):
    rows_of_night(600)
    first = Pretrained(nightly())
    (note,) = first.plan.start.notes
    assert note == (
        "pretrain.from: nightly has no finished run yet. Its levels start from new weights."
    )
    afresh = Pretrained(nightly(name="afresh", pretrain={"from": None}))
    assert afresh.cached == {True}


@pytest.mark.slow
def test_what_a_level_starts_from_is_part_of_its_key(rows_of_night):
    rows_of_night(600)
    Pretrained(nightly())
    rows_of_night(800)
    second = Pretrained(nightly())
    afresh = Pretrained(nightly(pretrain={"from": None}))
    assert afresh.cached == {False}
    assert {s.key for s in afresh.stacks[0]}.isdisjoint(s.key for s in second.stacks[0])


@pytest.mark.slow
def test_a_run_that_repeats_the_last_one_starts_where_it_did_and_is_cached(rows_of_night):
    rows_of_night(600)
    first = Pretrained(nightly())
    assert Pretrained(nightly()).cached == {True}
    rows_of_night(800)
    second = Pretrained(nightly())
    again, third = Pretrained(nightly()), Pretrained(nightly())
    assert second.cached == {False}
    assert again.cached == third.cached == {True}
    assert third.plan.start.run_id != first.run_id  # the repeat, which holds the same
    rows_of_night(900)
    assert Pretrained(nightly()).cached == {False}


@pytest.mark.slow
def test_another_experiment_stands_for_its_last_run_that_has_all_stacks(rows_of_night):
    rows_of_night(600)
    whole = Pretrained(nightly())
    tracker = whole.context.tracker
    tracker.finish(tracker.start("run", "run", None, {"shortened": "There was no time."}))
    rows_of_night(800)
    _, plan = begin(nightly(name="other"))
    assert plan.start.run_id == whole.run_id


def from_digits(finished: Whole, start: str, **changes: Any) -> RunConfig:
    """The config of the finished run, of another name, starting from a run."""
    tree = finished.config.model_dump(mode="json") | {"name": "other", "pretrain": {"from": start}}
    tree["data"]["holdout"] = "stable"
    return check(tree | changes)


@pytest.mark.parametrize("start", ["digits", "models:/digits@latest_run", "models:/digits/1"])
def test_a_run_is_named_by_its_experiment_or_its_model(digits_home: Whole, start: str):
    _, plan = begin(from_digits(digits_home, start))
    run = digits_home.called
    assert plan.start.run_id == run.run.run_id
    assert [[level.key for level in stack] for stack in plan.start.stacks] == [
        [level.key for level in stack] for stack in run.stacks
    ]
    level = plan.level(stack=1, number=1, below=[])
    assert level.inputs == plan.start.of_level(1, 1)
    assert level.tags["starts_from"] == run.stacks[1][0].run_id
    assert level.key != replace(level, inputs=()).key


def test_a_start_is_refused_where_test_rows_would_be_drawn_anew(digits_home: Whole):
    """Digits have fewer rows than are held out by their values unless that is asked for."""
    tree = from_digits(digits_home, "digits").model_dump(mode="json")
    tree["data"]["holdout"] = "auto"
    with pytest.raises(
        InputError, match=r"pretrain\.from.*holdout: auto.*Set data\.holdout: stable"
    ):
        begin(check(tree))


def test_a_start_that_drew_its_test_rows_is_noted(digits_home: Whole):
    _, plan = begin(from_digits(digits_home, digits_home.called.run.run_id))
    (note,) = plan.start.notes
    assert "may have pretrained on rows that are test rows now" in note


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ("digit", "There is no experiment 'digit'. Did you mean 'digits'[?]"),
        ("0" * 32, "There is no run"),
        ("models:/digits@nobody", "MLflow has no model 'models:/digits@nobody'"),
        ("models:/digits/33", "MLflow has no model 'models:/digits/33'"),
        ("models:/digits", "MLflow has no model 'models:/digits'"),
    ],
)
def test_a_start_that_is_not_there_is_refused(digits_home: Whole, start: str, message: str):
    with pytest.raises(InputError, match=message):
        begin(from_digits(digits_home, start))


@pytest.mark.slow
def test_every_difference_of_shape_and_columns_is_named_at_once(uri, flowers, tmp_path: Path):
    table = flowers.assign(sepal_width=flowers.sepal_width.fillna(0))
    table.to_csv(tmp_path / "flowers.csv", index=False)
    base: dict[str, Any] = {
        "name": "flowers",
        "data": {"source": "flowers.csv", "label": "species", "holdout": "stable",
                 "missing": "impute", "categorical": ["year"]},
        "stack": STACK,
        "finetune": {"seeds": 2, "label_budgets": [10]},
    }  # fmt: skip
    earlier = Pretrained(check(base))
    changed = table.assign(height=table.petal_width + 1, garden=table.sepal_length + 1)
    changed = changed.drop(columns="petal_width")
    changed.to_csv(tmp_path / "flowers.csv", index=False)
    other = {"units": 20, "activation": "sigmoid", "tied": True, "loss": "by_kind"}
    stack = [{**STACK[0], **other}, STACK[1]]
    with pytest.raises(InputError) as refused:
        begin(check({**base, "name": "later", "pretrain": {"from": "flowers"}, "stack": stack,
                     "finetune": {**base["finetune"], "seeds": 3}}))  # fmt: skip
    run = f"pretrain.from: run {earlier.run_id} "
    assert refused.value.problems == tuple(
        run + problem
        for problem in (
            "has 2 stacks, this one pretrains 3: each must start from one of its own. Set "
            "pretrain_seeds: 2.",
            "has stack.0.units: 16. Given: 20.",
            "has stack.0.activation: relu. Given: sigmoid.",
            "has stack.0.tied: False. Given: True.",
            "has stack.0.loss: normalized. Given: by_kind.",
            "has not read the column 'height'.",
            "reads the column 'petal_width', which is not there now.",
            "read column 'garden' as category. Given: number.",
        )
    )


def other_flowers(whole: Whole, rows: pd.DataFrame) -> RunConfig:
    """A config for other rows of the same columns with another target, from the model's stack."""
    rows.to_csv("garden.csv", index=False)
    tree = whole.config.model_dump(mode="json")
    tree["name"], tree["stack"] = "garden", still(tree["stack"])
    tree["pretrain"]["from"] = "models:/flowers@latest_run"
    tree["data"] |= {
        "source": "garden.csv", "label": "tall", "ignore": ["species"], "holdout": "stable",
    }  # fmt: skip
    return check(tree)


@pytest.fixture
def garden(flowers: pd.DataFrame) -> pd.DataFrame:
    """Three flowers for each of the irises, a little larger or smaller, some of them tall."""
    rng = np.random.default_rng(0)
    rows = flowers.loc[flowers.index.repeat(3)].reset_index(drop=True)
    sizes = rows.columns[rows.dtypes == "float64"]
    rows[sizes] += rng.normal(scale=0.05, size=(len(rows), len(sizes))).round(3)
    return rows.assign(tall=np.where(rows["sepal_length"] > 5.8, "yes", "no"))


def test_a_registered_stack_is_taken_for_other_rows_and_another_target(
    flowers_home: Whole, garden: pd.DataFrame
):
    context, plan = begin(other_flowers(flowers_home, garden))
    assert plan.start.run_id == flowers_home.called.run.run_id
    ((level,),) = pretrain_stacks(context, plan)
    assert not level.cached
    earlier = stored_autoencoder(flowers_home.called.context, flowers_home.called.levels[0])
    taken = stored_autoencoder(context, level)
    for new, old in zip(taken.get_weights(), earlier.get_weights(), strict=True):
        np.testing.assert_allclose(new, old, atol=1e-6)
    fail_run(context.run, RuntimeError())


def weights_of_features(context: Context, level: Outcome) -> dict[str, np.ndarray]:
    """Of each feature of a stored level its weights in the encoder, the decoder and its bias."""
    autoencoder = stored_autoencoder(context, level)
    kernel, _ = autoencoder.encoder.get_weights()
    of_decoder = np.vstack(autoencoder.decoder.get_weights()).T
    names = [name for _, name in stored_features(context.tracker, level.run_id)]
    return dict(zip(names, np.hstack([kernel, of_decoder]), strict=True))


@pytest.fixture
def other_garden(garden: pd.DataFrame) -> pd.DataFrame:
    """One category has gone, one come; one column no longer misses values, one now does."""
    rows = garden.assign(sepal_width=garden["sepal_width"].fillna(3.0))
    rows["garden"] = rows["garden"].replace({"east": "west"})
    rows.loc[::7, "petal_width"] = np.nan
    return rows[[*rows.columns[::-1]]]


def test_features_that_other_rows_do_not_share_start_from_new_weights_or_are_left_out(
    flowers_home: Whole, other_garden: pd.DataFrame
):
    config = other_flowers(flowers_home, other_garden)
    levels, notes = {}, {}
    for name, start in (("taken", config.pretrain), ("fresh", PretrainConfig())):
        context, plan = begin(config.model_copy(update={"name": name, "pretrain": start}))
        ((level,),) = pretrain_stacks(context, plan)
        levels[name], notes[name] = weights_of_features(context, level), plan.start.notes
        fail_run(context.run, RuntimeError())
    run = flowers_home.called
    earlier = weights_of_features(run.context, run.levels[0])

    taken, fresh = levels["taken"], levels["fresh"]
    new, gone = {"petal_width is missing", "garden=west"}, {"sepal_width is missing", "garden=east"}
    assert (taken.keys() - earlier.keys(), earlier.keys() - taken.keys()) == (new, gone)
    shared = [name for name in taken if name in earlier]
    assert shared != [name for name in earlier if name in taken]  # they lie in another order
    for name, weights in taken.items():
        begun = earlier if name in earlier else fresh
        np.testing.assert_allclose(weights, begun[name], atol=1e-6, err_msg=name)
    assert notes["fresh"] == ()
    assert notes["taken"][0] == (
        f"pretrain.from: {len(shared)} of {len(taken)} features start from the weights that run "
        f"{run.run.run_id} has for them. New, with new weights: 'petal_width is missing', "
        "'garden=west'. Gone: 'sepal_width is missing', 'garden=east'."
    )


@pytest.mark.slow
def test_a_stack_for_other_features_is_exported_and_a_run_that_repeats_it_is_cached(
    flowers_home: Whole, other_garden: pd.DataFrame
):
    config = other_flowers(flowers_home, other_garden)
    whole = whole_run(config, flowers_home.home)
    assert any("start from the weights" in note for note in whole.summary["data"]["notes"])
    found = infer(whole.model, "serve", *read_rows("garden.csv", model_columns(whole.model))[:2])
    assert (found["label"] == other_garden["tall"]).mean() > 0.8

    context, plan = begin(config)
    ((level,),) = pretrain_stacks(context, plan)
    assert level.cached
    fail_run(context.run, RuntimeError())


def test_rows_none_of_whose_features_a_stack_knows_are_refused(uri: str, flowers: pd.DataFrame):
    base: dict[str, Any] = {
        "name": "gardens",
        "data": {"source": "gardens.csv", "label": "species", "holdout": "stable"},
        "stack": [{"units": 4, "epochs": 1}],
        "finetune": {"seeds": 1, "label_budgets": [10]},
        "pretrain": {"from": "gardens"},
    }
    gardens = flowers[["garden", "species"]].replace({"": "north"})
    gardens.to_csv("gardens.csv", index=False)
    Pretrained(check(base))
    gardens.assign(garden=gardens["garden"] + "west").to_csv("gardens.csv", index=False)
    with pytest.raises(InputError, match="knows no feature of the rows. Given: 'garden=eastwest'"):
        begin(check(base))


@pytest.mark.slow
def test_no_test_row_was_pretrained_on_by_a_run_before(rows_of_night):
    """Neither where rows have come, nor where rows have got their labels, nor with another seed."""
    rows_of_night(900, unlabelled=400)
    first = Pretrained(nightly(seed=1))
    rows_of_night(1500)
    second = Pretrained(nightly())
    assert second.plan.start.notes == ()
    pretrained = first.context.data.rows[first.context.data.splits.pretrain]
    data = second.context.data
    scaled_alike = np.allclose(data.preprocessing.scale, first.context.data.preprocessing.scale)
    assert scaled_alike  # so that rows can be compared
    known = {row.tobytes() for row in np.asarray(pretrained)}
    assert not any(row.tobytes() in known for row in np.asarray(data.rows[data.splits.test]))


@pytest.mark.slow
@pytest.mark.parametrize("change", [{"data": {"holdout": "drawn"}}, {"data": {"test": 0.1}}])
def test_a_start_that_may_have_seen_test_rows_is_noted_for_all_that_follow(rows_of_night, change):
    rows_of_night(600)
    Pretrained(nightly(name="before", pretrain={"from": None}, **change))
    for rows in (700, 800):
        rows_of_night(rows)
        (note,) = Pretrained(nightly(pretrain={"from": "before" if rows == 700 else "nightly"})
                             ).plan.start.notes  # fmt: skip
        assert "may have pretrained on rows that are test rows now" in note
