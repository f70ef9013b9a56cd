"""Forms and editors refuse the same levels as the program: the JSON schema has the rules too."""

from itertools import product
from typing import Any

import jsonschema
import pytest

from pipeline.config.level import LevelConfig
from pipeline.config.loading import load, presets
from pipeline.config.problems import problems
from pipeline.config.schema import RunConfig

VALUES: dict[str, list[Any]] = {
    "activation": ["relu", "sigmoid", "tanh", "linear"],
    "sparsity": [{"mechanism": name} for name in ("none", "kl", "l1", "jumprelu")],
    "decoder_activation": ["linear", "sigmoid"],
    "loss": ["normalized", "crossentropy", "by_kind"],
    "standardize": [False, True],
    "tied": [False, True],
}
LEVELS = [dict(zip(VALUES, values, strict=True)) for values in product(*VALUES.values())]


def test_the_schema_refuses_what_the_program_refuses():
    validator = jsonschema.Draft202012Validator(LevelConfig.model_json_schema())
    levels = [{"units": 8, **level} for level in LEVELS]
    by_schema = [not validator.is_valid(level) for level in levels]
    by_program = [bool(problems({"stack": [level]})) for level in levels]
    assert by_schema == by_program
    assert 0 < sum(by_program) < len(levels)


@pytest.mark.parametrize("preset", presets())
def test_the_schema_takes_the_presets(preset: str):
    jsonschema.validate(load(preset).model_dump(mode="json"), RunConfig.model_json_schema())
