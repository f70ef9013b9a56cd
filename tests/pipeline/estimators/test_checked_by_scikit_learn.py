"""scikit-learn's own checks of estimators, all but those that cannot hold."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from layerwise import AnomalyDetector, StackedClassifier, StackedEncoder, StackedRegressor
from tests.pipeline.estimators.quick import FINETUNE

EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": "a row is pretrained on and held out once, "
    "whatever it weighs, so that a weight of 2 is not the same as the row twice (nor is it for "
    "scikit-learn's SGDClassifier)",
}
# What arrays and DataFrames have different defaults of is set, because they are compared.
ALIKE = {
    "stack": [{"units": 16, "epochs": 2}],
    "data": {"scaling": "standard", "pieces": 0},
}
TUNED = {**FINETUNE, "learning_rate": 0.1}
ESTIMATORS = [
    StackedClassifier(**ALIKE, finetune=TUNED),
    StackedRegressor(**ALIKE, finetune=TUNED),
    StackedEncoder(**ALIKE),
    AnomalyDetector(**ALIKE, joint={"epochs": 1, "min_steps": 20}),
]


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=lambda _: EXPECTED)
def test_contract(estimator, check):
    check(estimator)
