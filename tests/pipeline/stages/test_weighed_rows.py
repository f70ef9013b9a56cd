"""A run whose rows are weighed: every arm and reference model is scored by weighed test rows."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.config.loading import check
from pipeline.tracking.artifacts import predictions_of
from tests.pipeline.whole_runs import call_stages

LEVEL = {"units": 12, "epochs": 2, "batch_size": 64}


def test_all_arms_are_scored_by_weighed_test_rows(uri: str, tmp_path: Path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(400, 3)).round(4), columns=list("abc"))
    table["kind"] = np.where(table["a"] + rng.normal(size=400) > 0, "p", "q")
    table["people"] = rng.integers(1, 20, 400)
    table.to_csv(tmp_path / "survey.csv", index=False)
    found = call_stages(
        check(
            {
                "data": {"source": "survey.csv", "label": "kind", "weight": "people"},
                "stack": [LEVEL],
                "finetune": {
                    "label_budgets": [100],
                    "seeds": 1,
                    "references": ["logistic", "neighbours"],
                    "epochs": 1,
                    "min_steps": 20,
                },
            }
        )
    )
    data = found.context.data
    weights = data.weights[data.splits.test]
    np.testing.assert_array_equal(data.weights, table["people"])
    assert {trial.arm for trial, _ in found.trials} >= {"pretrained", "random", "logistic"}
    for _, done in found.trials:
        stored = predictions_of(found.context.tracker, done.run_id)
        right = stored.predicted == stored.true
        assert done.metrics["accuracy"] == pytest.approx(np.average(right, weights=weights))
        assert done.metrics["accuracy"] != pytest.approx(right.mean(), abs=1e-6)
