"""Configs made to do harm: nothing in them is run, and whatever they hold, they are checked."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.loading import load
from pipeline.config.schema import RunConfig
from pipeline.errors import InputError

DATA = "data:\n  ignore: "


@pytest.fixture
def refusal(tmp_path: Path):
    """How the text of a config file is refused."""

    def refuse(text: str) -> str:
        (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(InputError) as caught:
            load(str(tmp_path / "mine.yaml"))
        return str(caught.value)

    return refuse


def setting_refused(setting: str) -> str:
    with pytest.raises(InputError) as caught:
        load("digits", settings=[setting])
    return str(caught.value)


# Python in YAML


@pytest.mark.parametrize(
    "value",
    [
        "!!python/object/apply:os.mkdir [ran]",
        "!!python/object/new:os.mkdir [ran]",
        "!!python/name:os.mkdir",
        "!!python/module:os",
        "!!python/tuple [a]",
    ],
)
def test_python_tags_are_refused_and_not_run(value, refusal, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "could not determine a constructor" in refusal(f"name: {value}")
    assert "could not determine a constructor" in setting_refused(f"name={value}")
    assert not (tmp_path / "ran").exists()


# Size


def laughs(levels: int, before: str) -> str:
    """A list of nine lists of nine lists ..., in one line for each level."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join([*lines, f"{before}*a{levels - 1}"])


@pytest.mark.parametrize("before", ["name: ", DATA, "stack: "])
def test_a_billion_laughs_are_counted_and_not_laughed(before, refusal):
    assert refusal(laughs(10, before)).endswith(
        "is too large for a config: more than 10,000 values."
    )


@pytest.mark.parametrize("text", ["data: &a {ignore: *a}", "data: {ignore: &a [*a]}"])
def test_what_contains_itself_is_refused(text, refusal):
    assert "too large" in refusal(text)


def test_what_is_given_once_and_referred_to_twice_is_no_bomb(tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_text("stack: [&level {units: 8}, *level]")
    assert [level.units for level in load(str(file)).stack] == [8, 8]


def test_deep_nesting_is_refused(refusal):
    assert "nested too deeply" in refusal(f"data: {'[' * 5000}{']' * 5000}")
    assert "nested too deeply" in setting_refused(f"data={'{a: ' * 5000}")


def test_a_very_long_file_is_not_read_to_its_end(refusal):
    assert "too long for a config" in refusal("#" * 200_000)


# Values


@pytest.mark.parametrize(
    "value",
    ["9" * 5000, "2024-13-45", "!!int abc", "!!float abc", "!!bool abc", "!!timestamp abc"],
)
def test_values_that_are_none_are_refused(value, refusal):
    assert "is not YAML" in refusal(f"seed: {value}")
    assert "is not YAML" in setting_refused(f"seed={value}")


@pytest.mark.parametrize("key", ["stack.0.units", "finetune.seeds", "finetune.label_budgets.0"])
@pytest.mark.parametrize("value", [2**31, 10**30])
def test_numbers_that_no_tensor_can_have_as_a_size_are_refused(key, value):
    assert "must be less than 2147483648" in setting_refused(f"{key}={value}")


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf"])
@pytest.mark.parametrize("key", ["seed", "data.test", "finetune.dropout", "finetune.epochs"])
def test_numbers_that_are_not_finite_are_refused(key, value):
    assert setting_refused(f"{key}={value}").startswith(f"{key}: ")


def test_a_key_that_is_given_twice_is_refused(refusal):
    assert "the key 'seed' is given 2 times" in refusal("seed: 1\nseed: 2")
    assert "the key 'test' is given 2 times" in refusal("data: {test: 0.1, test: 0.2}")


@pytest.mark.parametrize("text", ['"a\\0b"', '"\\ud800"'])
@pytest.mark.parametrize(
    "key", ["data.source", "data.label", "data.unlabelled", "data.ignore", "export.directory"]
)
def test_text_that_cannot_be_stored_is_refused(key, text):
    value = f"[{text}]" if key == "data.ignore" else text
    assert "text must be Unicode, without the character NUL" in setting_refused(f"{key}={value}")


# Names and keys


@pytest.mark.parametrize(
    "name", ["../up", "/etc/x", "a/b", "a\\b", "a'; drop table runs; --", "$(id)", "a b", "..", ""]
)
def test_a_run_s_name_cannot_leave_the_folder_of_exports_or_end_a_statement(name):
    for key in ("name", "export.alias"):
        assert setting_refused(f'{key}="{name}"'.replace("\\", "\\\\")).startswith(f"{key}: ")


def test_names_that_no_file_could_have_are_refused():
    assert "at most 100 characters" in setting_refused(f"name={'a' * 101}")
    assert len(load(None, data=f"{'a' * 200}.csv").name) == 100


@pytest.mark.parametrize("name", ["../presets/digits", "digits/../digits", "a\0", "a" * 5000])
def test_a_preset_is_one_of_those_that_ship(name):
    with pytest.raises(InputError):
        load(name)


@pytest.mark.parametrize("position", ["²", "٠", "00", "+0", "9" * 5000, "-1", ""])
def test_positions_are_plain_numbers(position):
    assert "is not a position in 0 to 2" in setting_refused(f"stack.{position}=1")


@pytest.mark.parametrize("key", ["__class__", "data.__init__", "model_config", "data.model_fields"])
def test_keys_are_only_keys(key):
    assert "unknown key" in setting_refused(f"{key}=1")


# Anything at all

WORDS = st.sampled_from(
    ["data", "stack", "finetune", "seed", "name", "ignore", "label", "units", "sparsity", "kind",
     "mechanism", "topk", "corruption", "label_budgets", "export", "0", "1", "-1", ".nan", ".inf",
     "1e400", "null", "~", "true", "<<", "*a", "&a", "!!set", "!!binary", "2001-01-01", "!!str"]
)  # fmt: skip
MARKS = st.sampled_from([": ", "\n", "\n  ", "\n    ", "- ", "[", "]", "{", "}", ", ", "? ", '"'])
YAML = st.lists(st.one_of(WORDS, MARKS, st.text(max_size=3)), max_size=25).map("".join)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), WORDS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(WORDS, st.integers()), inner)
    ),
    max_leaves=8,
)
KEYS = st.lists(st.one_of(WORDS, st.text(max_size=3)), max_size=5).map(".".join)
anything = settings(max_examples=300, derandomize=True, deadline=None, database=None)


def used(name: str | None, *changes: str) -> None:
    """Loads it: a config that can be kept comes of it, or `InputError`."""
    with suppress(InputError):
        config = load(name, settings=changes)
        assert RunConfig.model_validate_json(config.model_dump_json()) == config


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("configs") / "mine.yaml"


@anything
@given(
    content=st.one_of(
        st.binary(max_size=60), YAML.map(lambda text: text.encode("utf-8", "replace"))
    )
)
def test_any_file(content, file):
    file.write_bytes(content)
    used(str(file))


@anything
@given(
    value=VALUES,
    key=st.sampled_from(
        [
            "data",
            "stack",
            "finetune",
            "finetune.corruption",
            "stack.0",
            "stack.0.sparsity",
            "export",
            "data.ignore",
            "finetune.label_budgets",
        ]
    ),
)
def test_any_value(value, key):
    import yaml

    used("digits", f"{key}={yaml.safe_dump(value)}")


@anything
@given(key=KEYS, value=YAML, form=st.sampled_from(["{}={}", "{}", "={}", "{}.x={}"]))
def test_any_setting(key, value, form):
    used("digits", form.format(key, value))
    used(None, f"stack.0.{key}={value}")


@anything
@given(name=st.text(max_size=20), suffix=st.sampled_from(["", ".yaml", "/.yml"]))
def test_any_name(name, suffix):
    with suppress(InputError):
        load(f"//nowhere/{name}{suffix}")
    with suppress(InputError):
        load(None, data=name, label=name)
