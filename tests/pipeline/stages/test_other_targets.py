"""A stack serves every target of its rows: it is pretrained once."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.config.loading import check
from tests.pipeline.whole_runs import begin, pretrain_stacks

LEVEL = {"units": 8, "epochs": 1, "batch_size": 256}


@pytest.mark.parametrize("group", [None, "herd"])
def test_another_target_finds_the_levels_cached(uri: str, tmp_path: Path, group: str | None):
    """Whichever rows have a label of the one or of the other, and whatever is too rare."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(2000, 4)).round(4), columns=list("abcd"))
    table["kind"] = rng.choice(["cow", "sheep", None], 2000, p=[0.3, 0.3, 0.4])
    table.loc[7, "kind"] = "goat"
    table["price"] = rng.random(2000)
    table["herd"] = rng.integers(0, 150, 2000)
    table.to_csv(tmp_path / "animals.csv", index=False)

    def levels(label: str, ignore: str) -> list[bool]:
        ignored = [ignore] if group else [ignore, "herd"]
        data = {"source": "animals.csv", "label": label, "ignore": ignored, "group": group}
        context, plan = begin(
            check({"name": label, "data": data, "stack": [LEVEL, LEVEL], "pretrain_seeds": 1})
        )
        return [level.cached for level in pretrain_stacks(context, plan)[0]]

    assert levels("kind", "price") == [False, False]
    assert levels("price", "kind") == [True, True]
