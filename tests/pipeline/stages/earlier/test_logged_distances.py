"""A run logs how far its columns lie from those of the experiment's last run."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow.entities import Run

from pipeline.config.loading import check
from pipeline.stages.context import Context
from pipeline.stages.earlier.distances import DISTANCES
from pipeline.tracking.artifacts import stored_json
from tests.pipeline.whole_runs import Whole, begin

ODD = "sepal/width: 50 % ☃"


@pytest.fixture
def irises(flowers: pd.DataFrame) -> pd.DataFrame:
    return flowers.rename(columns={"sepal_width": ODD})


def night(table: pd.DataFrame, folder: Path, **data: object) -> tuple[Context, Run]:
    """A finished run that read the rows, and what MLflow has of it."""
    table.to_csv(folder / "irises.csv", index=False)
    section = {"source": "irises.csv", "label": "species", "missing": "impute", **data}
    context, _ = begin(check({"name": "nightly", "data": section}))
    context.tracker.finish(context.parent)
    return context, context.tracker.client.get_run(context.run.run_id)


def test_a_column_that_moved_is_named_in_a_note_and_charted(
    uri: str, irises: pd.DataFrame, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    _, first = night(irises, tmp_path)
    assert not [name for name in first.data.metrics if name.startswith("distance")]
    spread = irises.petal_length.std()
    context, second = night(irises.assign(petal_length=irises.petal_length + spread), tmp_path)
    charted = second.data.metrics
    assert charted["distance_max"] == charted["distance_petal_length"] == pytest.approx(1, abs=0.2)
    assert charted["distance_petal_width"] == charted["distance_sepal_width_ 50 _ _"] == 0
    note = second.data.tags["layerwise.distance_note"]
    assert f"farther from those of the last run, {first.info.run_id}" in note
    assert "column 'petal_length' by" in note
    assert note in caplog.messages
    (data,) = context.tracker.children(second.info.run_id)
    stored = stored_json(context.tracker, data.run_id, DISTANCES)
    assert stored["last_run"] == first.info.run_id
    assert next(iter(stored["distances"])) == "petal_length"
    assert set(stored["distances"]) == set(irises.columns) - {"species"}


def test_the_bound_is_the_config_s(uri: str, irises: pd.DataFrame, tmp_path: Path):
    night(irises, tmp_path)
    moved = irises.assign(petal_length=irises.petal_length + irises.petal_length.std())
    _, run = night(moved, tmp_path, distance_bound=3)
    assert "layerwise.distance_note" not in run.data.tags
    assert run.data.metrics["distance_max"] > 0.8


def test_a_run_on_the_same_rows_is_cached_and_at_no_distance(
    uri: str, irises: pd.DataFrame, tmp_path: Path
):
    night(irises, tmp_path)
    moved = irises.assign(petal_length=np.square(irises.petal_length))
    night(moved, tmp_path)
    context, run = night(moved, tmp_path)
    (data,) = context.tracker.children(run.info.run_id)
    assert data.tags["cached"] == "True"
    assert run.data.metrics["distance_max"] == 0
    assert "layerwise.distance_note" not in run.data.tags


def test_the_note_is_read_with_the_run(digits_home: Whole):
    """As the tables and the summary show it."""
    from pipeline.stages.summary import read_summary

    tracker, run = digits_home.called.context.tracker, digits_home.called.run
    found = tracker.run(run.run_id)
    noted = found._replace(tags=found.tags | {"distance_note": "Rows lie far."})
    assert read_summary(tracker, noted)["data"]["notes"] == ["Rows lie far."]
