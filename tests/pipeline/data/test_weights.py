"""`data.weight`: a column that says how much rows count, checked as a whole, and no feature."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.config.data import DataConfig
from pipeline.data.sources.read import read_rows
from pipeline.data.trial_rows import trial_rows
from pipeline.errors import InputError
from tests.pipeline.data.reading import prepare, read


@pytest.fixture
def survey(tmp_path: Path) -> pd.DataFrame:
    """300 answers, each for a number of people."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(300, 2)).round(3), columns=["age", "income"])
    return table.assign(people=rng.integers(1, 9, 300) / 2, vote=rng.choice(["a", "b"], 300))


def config_of(table: pd.DataFrame, folder: Path, **changes) -> DataConfig:
    table.to_csv(folder / "survey.csv", index=False, **changes)
    return DataConfig(source=str(folder / "survey.csv"), label="vote", weight="people")


def test_weights_reach_the_rows_of_a_trial_and_are_no_feature(survey, tmp_path: Path):
    data = prepare(config_of(survey, tmp_path), 0, tmp_path / "data")
    assert [column["name"] for column in data.columns] == ["age", "income"]
    np.testing.assert_array_equal(data.weights, survey["people"])
    parts = trial_rows(data, 50, 0, all_unlabelled=False)
    assert len(parts.train.weights) == 50
    np.testing.assert_array_equal(parts.test.weights, data.weights[data.splits.test])


def test_without_the_key_all_rows_count_alike(survey, tmp_path: Path):
    config = config_of(survey, tmp_path).model_copy(update={"weight": None})
    data = prepare(config, 0, tmp_path / "data")
    assert data.weights is None
    assert [column["name"] for column in data.columns] == ["age", "income", "people"]


def test_weights_are_read_as_other_numbers_are(survey, tmp_path: Path):
    people = survey["people"].map(lambda weight: f"{weight:.1f}".replace(".", ","))
    source = read(config_of(survey.assign(people=people), tmp_path, sep=";"))
    np.testing.assert_array_equal(source.roles.weight, survey["people"])


def test_weights_have_the_decimal_mark_of_their_file(survey, tmp_path: Path):
    weights = survey["people"] + 0.125  # three decimals, which could be thousands
    written = survey.assign(people=weights.map("{:.3f}".format).str.replace(".", ","))
    source = read(config_of(written, tmp_path, sep=";", decimal=","))
    np.testing.assert_allclose(source.roles.weight, weights)


def test_weights_may_have_a_unit(survey, tmp_path: Path):
    written = survey.assign(people=survey["people"].map("{} kg".format))
    np.testing.assert_array_equal(read(config_of(written, tmp_path)).roles.weight, survey["people"])


def test_all_that_is_wrong_with_weights_is_said_at_once(survey, tmp_path: Path):
    people = survey["people"].astype(object)
    people[3], people[7], people[11], people[12], people[20] = "many", None, "inf", -1, -2.5
    with pytest.raises(InputError) as refused:
        read(config_of(survey.assign(people=people), tmp_path))
    (problem,) = refused.value.problems
    assert "Of the 300 of survey with column 'people'" in problem
    assert "3 have no finite number (first row 4); 2 have less than 0 (first row 13)" in problem


def test_weights_and_other_problems_are_one_message(survey, tmp_path: Path):
    survey.loc[0, "people"] = -1
    config = config_of(survey, tmp_path).model_copy(update={"missing": "refuse"})
    survey.loc[1, "age"] = np.nan
    survey.to_csv(config.source, index=False)
    with pytest.raises(InputError) as refused:
        read(config)
    assert len(refused.value.problems) == 2


def test_rows_without_a_label_need_no_weight(survey, tmp_path: Path):
    survey.loc[:99, ["people", "vote"]] = None
    survey.to_csv(tmp_path / "more.csv", index=False)
    config = config_of(survey, tmp_path)
    more = config.model_copy(update={"unlabelled_rows": str(tmp_path / "more.csv")})
    assert read(config).labelled.sum() == 200
    assert (read(more).rows, read(more).labelled.sum()) == (600, 200)


def test_a_row_of_weight_0_counts_as_one_without_a_label(survey, tmp_path: Path):
    survey.loc[:49, "people"] = 0
    source = read(config_of(survey, tmp_path))
    assert source.labelled.sum() == 250
    assert "50 labelled rows weigh 0: they count as rows without a label." in source.notes
    survey["people"] = 0
    with pytest.raises(InputError, match="all have 0"):
        read(config_of(survey, tmp_path))


def test_rows_for_a_model_need_no_weights(survey, tmp_path: Path):
    source = read(config_of(survey, tmp_path))
    survey[["age", "income"]].to_csv(tmp_path / "new.csv", index=False)
    for file in ("survey.csv", "new.csv"):
        rows = read_rows(str(tmp_path / file), source.columns, source.layout)
        np.testing.assert_array_equal(rows.numbers, survey[["age", "income"]])
        assert rows.notes == ()
