"""All that is wrong in a config comes at once."""

import pytest
from pydantic import ValidationError

from pipeline.config.level import LevelConfig


def test_every_contradiction_of_a_part_is_named_when_it_is_made():
    with pytest.raises(ValidationError) as refusal:
        LevelConfig(units=4, sparsity={"mechanism": "topk", "k": 9}, standardize=True, tied=True)
    assert "sparsity.k must be at most units = 4. Given: 9." in str(refusal.value)
    assert "Given: True, False and linear." in str(refusal.value)
