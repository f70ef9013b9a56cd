"""All that is wrong in a config comes at once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.config.level import LevelConfig
from pipeline.config.loading import check, load
from pipeline.errors import InputError

# Settings that are each a mistake, whatever the others do, and the lines that must say so.
MISTAKES = {
    ("seed=-1",): ["seed: must be greater than or equal to 0. Given: -1."],
    ("sed=1",): ["sed: unknown key. Did you mean 'seed'?"],
    ("name=a b",): ["name: must match pattern"],
    ("seed",): ["--set needs KEY=VALUE. Given: 'seed'."],
    ("stack.7.units=3",): ["--set stack.7.units: '7' is not a position in 0 to 2."],
    ("data.ignore=[a",): ["--set data.ignore: the value is not YAML"],
    ("data.test=2.5",): ["data.test: must be a whole number or less than 1. Given: 2.5."],
    ("data.memory=much",): ["data.memory: must be a number. Given: 'much'."],
    ("data.categorical=a",): ["data.categorical: must be a list. Given: 'a'."],
    ("stack.0.epochs=many",): ["stack.0.epochs: must be a whole number. Given: 'many'."],
    ("stack.0.sparsity.k=600",): ["stack.0: sparsity.k must be at most units = 512. Given: 600."],
    ("stack.0.corruption.kind=dust",): ["stack.0.corruption: kind must be one of"],
    ("stack.1.unit=3",): ["stack.1.unit: unknown key. Did you mean 'units'?"],
    ("stack.1.sparsity={mechanism: kl}",): ["stack.1: the kl mechanism compares mean activations"],
    ("stack.2.units=0",): ["stack.2.units: must be greater than 0. Given: 0."],
    ("stack.2.standardize=true", "stack.2.tied=true"): ["stack.2: standardize needs a decoder"],
    ("stack.2.loss=crossentropy",): ["stack.2: loss: crossentropy needs decoder_activation"],
    ("stack.1.loss=by_kind",): ["stack.1.loss must not be by_kind: the level reads the codes"],
    ("stack.0.loss=by_kind", "finetune.reconstruction=0.1"): [
        "finetune.reconstruction judges by squared error, and cannot go with stack.0.loss: by_kind."
    ],
    ("finetune.arms=[random, random]",): ["finetune: arms must not repeat a value."],
    ("finetune.references=[mlp, mlp]",): ["finetune: references must not repeat a value."],
    ("finetune.label_budgets=[0]",): ["finetune.label_budgets.0: must be greater than 0"],
    ("execution.address=tcp://host:8786",): [
        "execution: address is of a Dask cluster: set runner to dask. Given: tcp://host:8786 and "
        "thread."
    ],
    ("execution.gpus=300",): [
        f"stack.{level}.batch_size must be a row or more for each of execution.gpus. Given: 256"
        for level in range(3)
    ],
    ("export.alias=1st",): ["export.alias: must match pattern"],
}


def refusal(*changes: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        load("digits", settings=changes)
    first, *more = str(caught.value).splitlines()
    return more if first.endswith(" problems:") else [first, *more]


@settings(max_examples=150, derandomize=True, deadline=None, database=None)
@given(st.lists(st.sampled_from(list(MISTAKES)), min_size=1, unique=True))
def test_every_mistake_has_a_line_of_its_own_and_there_is_no_other(mistakes):
    lines = [line for line in refusal(*(s for m in mistakes for s in m)) if line[0] != " "]
    wanted = [line for mistake in mistakes for line in MISTAKES[mistake]]
    for start in wanted:
        assert [line.startswith(start) for line in lines].count(True) == 1, (start, lines)
    if ("data.ignore=[a",) not in mistakes:  # YAML's own message has several lines
        assert len(lines) == len(wanted)


def test_a_contradiction_with_a_value_that_is_wrong_itself_is_not_spoken_of():
    assert refusal("stack.0.sparsity.k=600", "stack.0.units=many") == [
        "stack.0.units: must be a whole number. Given: 'many'."
    ]
    assert refusal("stack.0.batch_size=none", "execution.gpus=300")[1:] == [
        f"stack.{level}.batch_size must be a row or more for each of execution.gpus. "
        "Given: 256 and 300. Lower execution.gpus."
        for level in (1, 2)
    ]


def test_a_contradiction_of_right_values_is_named_beside_a_wrong_one():
    assert refusal("stack.0.sparsity.k=600", "stack.0.activation=rellu") == [
        "stack.0.activation: must be 'relu', 'sigmoid', 'tanh' or 'linear'. Given: 'rellu'.",
        "stack.0: sparsity.k must be at most units = 512. Given: 600.",
    ]


def test_a_name_that_no_arm_has_is_refused_with_the_nearest():
    (line,) = refusal("finetune.arms=[randm]")
    assert line.startswith("finetune.arms.0: there is no arm 'randm'. Did you mean 'random'? Valid")
    assert line.endswith(", untrained_codes. Given: 'randm'.")


def test_a_list_that_is_empty_is_refused_beside_other_mistakes():
    assert refusal("seed=-1", "stack=[]")[1].startswith("stack: ")


def test_sections_that_are_no_sections_are_refused_and_the_others_looked_at():
    with pytest.raises(InputError) as caught:
        check({"data": 3, "stack": [7, {"units": 4, "loss": "crossentropy"}], "finetune": []})
    starts = [line.partition(": ")[0] for line in str(caught.value).splitlines()[1:]]
    assert starts == ["data", "stack.0", "finetune", "stack.1"]


def test_a_value_of_many_characters_hides_no_other_problem():
    lines = refusal(f"seed=[{'7, ' * 3000}]", "data.test=2.5")
    assert [len(line) < 400 for line in lines] == [True, True]


def test_every_contradiction_of_a_part_is_named_when_it_is_made():
    with pytest.raises(ValidationError) as refusal:
        LevelConfig(units=4, sparsity={"mechanism": "topk", "k": 9}, standardize=True, tied=True)
    assert "sparsity.k must be at most units = 4. Given: 9." in str(refusal.value)
    assert "Given: True, False and linear." in str(refusal.value)
