"""From presets, files and settings to a checked config; what is wrong is said by its path."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from pipeline.config.finetune import FinetuneConfig
from pipeline.config.level import LevelConfig
from pipeline.config.loading import check, load, presets
from pipeline.config.part import Part
from pipeline.config.schema import RunConfig
from pipeline.config.sparsity import L1, Sparsity, TopKLimit
from pipeline.errors import InputError


def refusal(name: str | None = None, *settings: str) -> str:
    with pytest.raises(InputError) as caught:
        load(name, settings=settings)
    return str(caught.value)


# Presets and files


MECHANISMS = {
    "batch-topk": "batch_topk",
    "jumprelu": "jumprelu",
    "kl": "kl",
    "l1": "l1",
    "lifetime": "lifetime",
    "topk": "topk",
}


def test_presets_ship_for_data_and_for_every_mechanism():
    assert presets() == sorted([*MECHANISMS, "digits", "fashion-mnist", "tables"])
    mechanisms = {
        kind.model_fields["mechanism"].default for kind in get_args(get_args(Sparsity)[0])
    }
    assert mechanisms == {*MECHANISMS.values(), "none"}


@pytest.mark.parametrize(("name", "mechanism"), MECHANISMS.items())
def test_a_mechanism_s_preset_differs_from_the_default_by_the_mechanism_alone(name, mechanism):
    config = load(name)
    assert {level.sparsity.mechanism for level in config.stack} == {mechanism}
    alike = {"sparsity": TopKLimit(k=1), "activation": "relu"}
    for level, default in zip(config.stack, RunConfig().stack, strict=True):
        assert level.model_copy(update=alike) == default.model_copy(update=alike)
    assert config.model_copy(update={"name": "layerwise", "stack": ()}) == RunConfig().model_copy(
        update={"stack": ()}
    )


def test_the_topk_preset_is_the_default():
    assert load("topk").stack == RunConfig().stack


@pytest.mark.parametrize("name", presets())
def test_a_preset_bears_its_file_s_name_so_that_runs_of_two_presets_do_not_mix(name):
    assert load(name).name == name


def test_the_digits_preset_is_what_its_file_says():
    config = load("digits")
    assert config.data.source == "digits"
    assert config.pretrain_seeds == 5
    assert config.finetune.label_budgets == (20, 50, 200)
    assert config.finetune.epochs == FinetuneConfig().epochs


@pytest.mark.parametrize("name", ["digits", "fashion-mnist"])
def test_a_preset_of_data_has_the_one_default_recipe(name):
    assert load(name).stack == RunConfig().stack
    assert [level.units for level in RunConfig().stack] == [512, 512, 256]


def test_without_a_name_all_is_default():
    assert load(None) == RunConfig()


@pytest.mark.parametrize("name", [None, *presets()])
def test_a_config_survives_json_and_a_second_check(name):
    config = load(name)
    assert RunConfig.model_validate_json(config.model_dump_json()) == config
    assert check(config.model_dump(mode="json")) == config


def test_a_file_is_read_by_its_path(tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\nstack:\n  - units: 10\n", encoding="utf-8")
    config = load(str(file))
    assert (config.name, config.stack) == ("mine", (LevelConfig(units=10),))


def test_an_unknown_preset_is_refused_with_the_nearest():
    assert refusal("digit") == (
        "There is no preset or config file 'digit'. Did you mean 'digits'? "
        f"Valid: {', '.join(presets())}."
    )


def test_a_config_file_that_is_not_there_is_refused():
    assert refusal("nowhere/mine.yml") == "There is no config file 'nowhere/mine.yml'."


def test_rows_given_as_a_config_are_refused_with_the_option_for_rows(tmp_path: Path):
    file = tmp_path / "rows.csv"
    file.write_text("a,b\n1,2\n")
    assert refusal(str(file)) == (
        f"A config is a .yaml file. Given: {str(file)!r}. Rows are named by --data: --data {file}."
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name: [a", r"mine\.yaml is not YAML: .*line 1"),
        (b"data:\n  decimal: ,", r"line 2(.|\n)*begins with ',' needs quotes, as decimal: ','"),
        (b"a: 1\n b: 2", r"mine\.yaml is not YAML: .*line 2"),
        (b"name: \xff\xfe", r"mine\.yaml is not YAML: .*utf-8"),
        (b"", r"mine\.yaml must hold keys and values\. Given: NoneType\."),
        (b"- units: 3", r"mine\.yaml must hold keys and values\. Given: list\."),
        (b"!!python/object/apply:os.getcwd []", r"mine\.yaml is not YAML: .*constructor"),
        (b"1: 2", r"^1: a key must be text\. Given: 1\.$"),
    ],
)
def test_a_file_that_is_no_config_is_refused(content, message, tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_bytes(content)
    assert re.search(message, refusal(str(file)), re.DOTALL)


# Data and label


def test_data_of_one_s_own_gives_the_run_its_name():
    config = load(None, data="folder/my data (1).csv", label="y")
    assert (config.data.source, config.data.label) == ("folder/my data (1).csv", "y")
    assert config.name == "my-data--1"


@pytest.mark.parametrize("data", ["données.npz", "2024.csv", "--x--.csv", "数据.csv", "a.b.csv"])
def test_any_file_gives_a_name_that_is_allowed(data):
    assert re.fullmatch(r"[A-Za-z0-9][\w.-]*", load(None, data=data).name)


def test_other_data_keep_the_preset_s_name_and_the_rest_of_its_section(tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\ndata: {source: a.csv, label: y, test: 0.5}")
    config = load(str(file), data="b.csv", label="z")
    assert config.name == "mine"
    assert (config.data.source, config.data.label, config.data.test) == ("b.csv", "z", 0.5)


# Task


def test_a_task_is_named_for_short(tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_text("task: {kind: classification}")
    assert load(str(file), task="regression").task.kind == "regression"
    assert load(None, task="multilabel").task.kind == "multilabel"
    with pytest.raises(InputError, match=r"^task: kind must be one of 'auto', .* Given: 'guess'"):
        load(None, task="guess")


# --set


@pytest.mark.parametrize(
    ("setting", "read", "expected"),
    [
        ("seed=3", lambda c: c.seed, 3),
        ("name=other", lambda c: c.name, "other"),
        ("data.test=0.25", lambda c: c.data.test, 0.25),
        ("data.test=100", lambda c: c.data.test, 100),
        ("data.label=a=b", lambda c: c.data.label, "a=b"),
        ("data.ignore=[a, b]", lambda c: c.data.ignore, ("a", "b")),
        ("finetune.label_budgets=[50, 0.5, all]", lambda c: c.finetune.label_budgets,
         (50, 0.5, "all")),
        ("finetune.learning_rate=1e-2", lambda c: c.finetune.learning_rate, 0.01),
        ("stack.0.units=192", lambda c: [level.units for level in c.stack], [192, 512, 256]),
        ("stack.1.tied=true", lambda c: [level.tied for level in c.stack], [False, True, False]),
        ("stack.0.sparsity={mechanism: l1}", lambda c: c.stack[0].sparsity, L1()),
        ("stack.0.sparsity.k=3", lambda c: c.stack[0].sparsity, TopKLimit(k=3)),
        ("stack=[{units: 5}]", lambda c: c.stack, (LevelConfig(units=5),)),
    ],
)  # fmt: skip
def test_a_setting_changes_one_value(setting, read, expected):
    assert read(load("digits", settings=[setting])) == expected


def test_a_setting_changes_nothing_else():
    before = load("digits").model_dump()
    after = load("digits", settings=["stack.0.units=192"]).model_dump()
    assert after != before
    after["stack"][0]["units"] = 512
    assert after == before


def test_the_later_setting_wins():
    assert load(None, settings=["seed=1", "seed=2"]).seed == 2


@pytest.mark.parametrize("name", [None, "digits"])
def test_what_a_setting_does_not_name_keeps_its_default_inside_lists_too(name):
    config = load(name, settings=["finetune.encoder_rates.1=0.5", "export.alias=best"])
    assert config.finetune.encoder_rates == (0.1, 0.5, 1.0)
    assert config.export.directory == "exports"
    assert load(None, settings=["stack.1.units=384"]).stack[0] == RunConfig().stack[0]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("seed", "--set needs KEY=VALUE. Given: 'seed'."),
        ("=3", "--set needs KEY=VALUE. Given: '=3'."),
        ("stack.3.units=4", "--set stack.3.units: '3' is not a position in 0 to 2."),
        ("stack.-1.units=4", "--set stack.-1.units: '-1' is not a position in 0 to 2."),
        ("stack.first.units=4", "--set stack.first.units: 'first' is not a position in 0 to 2."),
        ("seed.more=3", "--set seed.more: 'seed' is a value, not a section."),
        ("stack.0.units.a=4", "--set stack.0.units.a: 'units' is a value, not a section."),
    ],
)
def test_a_setting_that_cannot_be_applied_is_refused(setting, message):
    assert refusal("digits", setting) == message


def test_a_value_that_is_not_yaml_is_refused():
    found = refusal("digits", "data.ignore=[a")
    assert found.startswith("--set data.ignore: the value is not YAML")


# Unknown keys


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("sed=1", "sed: unknown key. Did you mean 'seed'? "
         "Valid: data, execution, export, finetune, gate, name, pretrain, pretrain_seeds, seed, "
             "stack, task."),
        ("finetune.epoch=3", "finetune.epoch: unknown key. Did you mean 'epochs'? Valid: "
         "also_tried, arms, batch_size, checkpoints, class_weights, corruption, dropout, "
         "encoder_rates, epochs, label_budgets, learning_rate, metric, min_steps, "
         "pseudo_labels, reconstruction, references, seeds, weight_decay."),
        ("stack.1.sparsity.kk=2", "stack.1.sparsity.kk: unknown key. Did you mean 'k'? "
         "Valid: k, mechanism."),
        ("stack.0.sparsity={mechanism: l1, k: 4}", "stack.0.sparsity.k: unknown key. "
         "Valid: mechanism, weight."),
        ("stack.0.corruption.shar=0.2", "stack.0.corruption.shar: unknown key. "
         "Did you mean 'share'? Valid: kind, share, up_to."),
        ("qqq=1", "qqq: unknown key. "
         "Valid: data, execution, export, finetune, gate, name, pretrain, pretrain_seeds, seed, "
             "stack, task."),
    ],
)  # fmt: skip
def test_an_unknown_key_is_refused_with_the_nearest_of_its_section(setting, message):
    assert refusal("digits", setting) == message


# Impossible values: path, what is allowed, what was given


@pytest.mark.parametrize(
    ("setting", "path", "allowed", "given"),
    [
        ("seed=-1", "seed", "greater than or equal to 0", "-1"),
        ("seed=2147483648", "seed", "less than 2147483648", "2147483648"),
        ("seed=many", "seed", "whole number", "'many'"),
        ("name=a b", "name", "match pattern", "'a b'"),
        ("name=../up", "name", "match pattern", "'../up'"),
        ("data.test=0", "data.test", "greater than 0", "0"),
        ("data.test=1.5", "data.test", "less than 1", "1.5"),
        ("data.test=-0.5", "data.test", "greater than 0", "-0.5"),
        ("task.kind=guess", "task", "'auto', 'classification', 'multilabel', 'regression'",
         "'guess'"),
        ("data.ignore=a", "data.ignore", "must be a list", "'a'"),
        ("stack=[]", "stack", "at least 1 item", "[]"),
        ("stack.0.units=0", "stack.0.units", "greater than 0", "0"),
        ("stack.0.epochs=2.5", "stack.0.epochs", "whole number", "2.5"),
        ("stack.1.activation=rleu", "stack.1.activation", "'relu', 'sigmoid'", "'rleu'"),
        ("stack.1.corruption.share=1", "stack.1.corruption.share", "less than 1", "1"),
        ("stack.0.sparsity={mechanism: topkk}", "stack.0.sparsity", "'topk', 'batch_topk'",
         "'topkk'"),
        ("stack.0.sparsity={k: 3}", "stack.0.sparsity", "needs the key 'mechanism'", "{'k': 3}"),
        ("finetune.arms=[pretrained, froze]", "finetune.arms.1",
         "Did you mean 'frozen'? Valid: compute_matched, frozen,", "'froze'"),
        ("finetune.label_budgets=[0]", "finetune.label_budgets.0", "greater than 0", "0"),
        ("finetune.label_budgets=[some]", "finetune.label_budgets.0", "'all'", "'some'"),
        ("finetune.learning_rate=.nan", "finetune.learning_rate", "finite", "nan"),
        ("finetune.learning_rate=.inf", "finetune.learning_rate", "finite", "inf"),
        ("finetune.weight_decay=-1", "finetune.weight_decay", "greater than or equal", "-1"),
        ("export.alias=1st", "export.alias", "match pattern", "'1st'"),
        ("execution.runner=ray", "execution.runner", "'thread', 'process' or 'dask'", "'ray'"),
        ("finetune=3", "finetune", "section with keys", "3"),
    ],
)  # fmt: skip
def test_an_impossible_value_is_refused(setting, path, allowed, given):
    message = refusal("digits", setting)
    assert message.startswith(f"{path}: ")
    assert allowed in message
    assert message.endswith(f"Given: {given}.")
    assert "\n" not in message


@pytest.mark.parametrize("value", ["1.0", "true"])
@pytest.mark.parametrize("key", ["data.test", "data.validation", "finetune.label_budgets"])
def test_all_rows_written_as_a_share_are_not_taken_for_one_row(key, value):
    given = f"[{value}]" if key.endswith("budgets") else value
    assert refusal("digits", f"{key}={given}").startswith(key)


def test_a_missing_key_is_named():
    assert refusal(None, "stack=[{epochs: 3}]") == "stack.0.units: this key is needed."


def test_every_wrong_key_has_a_line_of_its_own():
    lines = refusal("digits", "seed=-1", "stack.0.unit=4", "data.test=2.5").splitlines()[1:]
    assert sorted(line.partition(":")[0] for line in lines) == ["data.test", "seed", "stack.0.unit"]


# Contradictions


@pytest.mark.parametrize(
    ("settings", "path", "message"),
    [
        (["stack.0.sparsity.k=513"], "stack.0",
         "sparsity.k must be at most units = 512. Given: 513."),
        (["stack.1.sparsity={mechanism: batch_topk, k: 513}"], "stack.1",
         "sparsity.k must be at most units = 512. Given: 513."),
        (["stack.0.sparsity={mechanism: kl}"], "stack.0",
         "it needs activation: sigmoid. Given: relu."),
        (["stack.0.sparsity={mechanism: jumprelu}", "stack.0.activation=tanh"], "stack.0",
         "needs activation: relu or linear. Given: tanh."),
        (["stack.1.standardize=true", "stack.1.tied=true"], "stack.1",
         "tied: false, unit_norm_decoder: false and decoder_activation: linear. "
         "Given: True, False and linear."),
        (["stack.1.loss=crossentropy"], "stack.1",
         "loss: crossentropy needs decoder_activation: sigmoid. Given: linear."),
        (["stack.0.loss=by_kind", "stack.0.standardize=true"], "stack.0",
         "and standardize: false, so that these are ones and zeros. Given: linear and True."),
        (["stack.0.loss=by_kind", "stack.0.decoder_activation=sigmoid"], "stack.0",
         "and standardize: false, so that these are ones and zeros. Given: sigmoid and False."),
        (["finetune.arms=[random, random]"], "finetune",
         "arms must not repeat a value. Given: ['random', 'random']."),
        (["finetune.label_budgets=[10, all, 10]"], "finetune",
         "label_budgets must not repeat a value. Given: [10, 'all', 10]."),
    ],
)  # fmt: skip
def test_a_contradiction_is_refused_at_the_section_that_holds_it(settings, path, message):
    shown = refusal("digits", *settings)
    assert shown.startswith(f"{path}: ")
    assert shown.endswith(message)
    assert shown.count("Given:") == 1


@pytest.mark.parametrize(
    "settings",
    [
        ["stack.0.sparsity.k=128"],
        ["stack.0.sparsity={mechanism: kl}", "stack.0.activation=sigmoid"],
        ["stack.0.sparsity={mechanism: jumprelu}", "stack.0.activation=linear"],
        ["stack.1.loss=crossentropy", "stack.1.decoder_activation=sigmoid"],
        ["stack.0.loss=by_kind", "stack.0.tied=true", "stack.0.precision=bfloat16"],
    ],
)
def test_what_goes_together_is_accepted(settings):
    assert load("digits", settings=settings) != load("digits")


# The tree


def parts(part: type[Part] = RunConfig) -> set[type[Part]]:
    """Those of the config tree."""
    inside = {inner for field in part.model_fields.values() for inner in parts_in(field.annotation)}
    return {part}.union(*map(parts, inside))


def parts_in(annotation: Any) -> set[type[Part]]:
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return {annotation}
    return set().union(*map(parts_in, get_args(annotation)))


def test_every_field_is_described_in_place():
    tags = {"mechanism", "kind"}
    undescribed = [
        f"{part.__name__}.{name}"
        for part in parts()
        for name, field in part.model_fields.items()
        if not field.description and name not in tags
    ]
    assert {RunConfig, LevelConfig, TopKLimit} < parts()
    assert undescribed == []


def test_a_config_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        load("digits").seed = 3
