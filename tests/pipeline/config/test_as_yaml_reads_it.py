"""What YAML makes of a word, a number or a sign is what the config means by it."""

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import pytest
import yaml

from pipeline.config.data import DataConfig
from pipeline.config.loading import load
from pipeline.config.part import Part
from pipeline.config.schema import RunConfig
from pipeline.errors import InputError


def words_in(annotation: Any) -> Iterator[str]:
    """Every text that a Literal of a config's field allows, in its parts too."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        for field in annotation.model_fields.values():
            yield from words_in(field.annotation)
    elif get_origin(annotation) is Literal:
        yield from (word for word in get_args(annotation) if isinstance(word, str))
    else:
        for part in get_args(annotation):
            yield from words_in(part)


SIGNS = [word for word in words_in(RunConfig) if not any(map(str.isalnum, word))]


@pytest.mark.parametrize("word", sorted({*words_in(RunConfig)} - {*SIGNS}))
def test_a_word_that_the_config_allows_is_a_word_in_yaml_too(word: str):
    assert yaml.safe_load(word) == word


@pytest.mark.parametrize("sign", SIGNS)
def test_a_sign_that_the_config_allows_can_be_set_without_quotes(sign: str):
    assert load(None, settings=[f"data.decimal={sign}"]).data.decimal == sign


@pytest.mark.parametrize("sign", ["?", "-", ",", "*", "%", "&", "!", "|", ">", "@", "`", "#", ":"])
def test_a_sign_alone_is_a_text(sign: str):
    assert load(None, settings=[f"data.unlabelled={sign}"]).data.unlabelled == sign


@pytest.mark.parametrize("value", ["true", "True", "'true'", "yes", "false", "no", "'false'"])
def test_the_header_is_said_by_yaml_s_truth_and_by_its_words(value: str):
    said = value.strip("'").lower() in ("true", "yes")
    assert load(None, settings=[f"data.header={value}"]).data.header is said
    assert load(None, settings=["data.header=auto"]).data.header == "auto"


NAMES = ("label", "split", "group", "time", "weight", "unlabelled")
LISTS = ("label", "ignore", "numeric", "boolean", "dates", "categorical", "missing_values")


@pytest.mark.parametrize("key", NAMES)
def test_a_number_names_a_column_without_quotes(key: str):
    assert getattr(load(None, settings=[f"data.{key}=-1"]).data, key) == "-1"


@pytest.mark.parametrize("key", LISTS)
def test_numbers_stand_in_lists_of_names_without_quotes(key: str):
    config = load(None, settings=[f"data.{key}=[1, name, -999, -9.5]"]).data
    assert getattr(config, key) == ("1", "name", "-999", "-9.5")


def test_a_number_that_names_a_column_takes_part_in_the_search_for_contradictions():
    with pytest.raises(InputError, match="split and group each say how rows are split") as refused:
        load(None, settings=["data.split=1", "data.group=2", "seed=-1"])
    assert len(refused.value.problems) == 2


def test_a_name_that_yaml_takes_for_something_else_is_to_be_quoted():
    with pytest.raises(InputError) as refused:
        load(None, settings=["data.group=no", "data.ignore=[on, 2020-01-01, a, null]"])
    cure = "YAML reads yes, no, on, off and dates as such: in quotes they are text."
    assert refused.value.problems == (
        f"data.ignore.0: must be text. Given: True. {cure}",
        f"data.ignore.1: must be text. Given: datetime.date(2020, 1, 1). {cure}",
        "data.ignore.3: must be text. Given: None.",
        f"data.group: must be text. Given: False. {cure}",
    )


def test_columns_by_number_and_by_text_are_one_config():
    by_number = {"label": 3, "ignore": [1], "group": 2}
    by_text = {"label": "3", "ignore": ["1"], "group": "2"}
    assert DataConfig.model_validate(by_number) == DataConfig.model_validate(by_text)
