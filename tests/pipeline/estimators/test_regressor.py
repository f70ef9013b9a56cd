"""StackedRegressor: a number of each row."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes

from layerwise import InputError, StackedRegressor
from tests.pipeline.estimators.quick import FINETUNE, QUICK, STACK


@pytest.fixture(scope="module")
def diabetes() -> tuple[pd.DataFrame, pd.Series]:
    return load_diabetes(return_X_y=True, as_frame=True, scaled=False)


@pytest.fixture(scope="module")
def fitted(diabetes) -> StackedRegressor:
    return StackedRegressor(stack=STACK, finetune={**FINETUNE, "min_steps": 300}).fit(*diabetes)


def test_numbers_are_predicted_in_their_own_unit(fitted, diabetes):
    rows, numbers = diabetes
    assert fitted.score(rows, numbers) > 0.4
    assert fitted.scores_["r2"] > 0.2
    assert abs(fitted.predict(rows).mean() - numbers.mean()) < 15


def test_rows_without_a_number_pretrain_only(diabetes):
    rows, numbers = diabetes
    some = numbers.to_numpy(float).copy()
    some[250:] = np.nan
    together = StackedRegressor(**QUICK).fit(rows, some)
    apart = StackedRegressor(**QUICK).fit(rows[:250], some[:250], unlabelled=rows[250:])
    np.testing.assert_array_equal(together.predict(rows), apart.predict(rows))


def test_whole_numbers_are_numbers_and_no_classes(diabetes):
    rows, _ = diabetes
    model = StackedRegressor(**QUICK).fit(rows, np.arange(len(rows)) % 5)
    assert not np.isin(model.predict(rows), range(5)).all()
    assert "kind: regression" in model.config()


def test_text_is_no_number(diabetes):
    rows, numbers = diabetes
    with pytest.raises(InputError, match="must be numeric"):
        StackedRegressor(**QUICK).fit(rows, ["many"] * len(rows))
