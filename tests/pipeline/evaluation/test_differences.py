"""Two runs against each other: paired where they saw the same rows, never guessed."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from pipeline.config.loading import check
from pipeline.errors import InputError
from pipeline.evaluation.differences import differences

FIRST = [0.70, 0.72, 0.75, 0.71]
SECOND = [0.74, 0.75, 0.76, 0.77]


def summary(
    scores: dict[int, dict[str, list[float]]], key="one", metric="accuracy", correlation=None
) -> Any:
    """The parts of a summary that a comparison of runs reads."""
    return {
        "metric": metric,
        "data": {"key": key},
        "comparison": [
            {
                "labels": labels,
                "arms": {
                    arm: {metric: values, "mean": float(np.mean(values))}
                    for arm, values in arms.items()
                },
                "correlation": correlation,
            }
            for labels, arms in scores.items()
        ],
    }


def compared(first: Any, second: Any):
    return differences(first, second, {}, {})


def test_runs_on_the_same_rows_are_paired_by_seed():
    found = compared(summary({100: {"random": FIRST}}), summary({100: {"random": SECOND}}))
    assert found.paired
    (row,) = found.rows
    expected = stats.ttest_rel(SECOND, FIRST)
    low, high = expected.confidence_interval(0.95)
    assert (row.labels, row.arm) == (100, "random")
    assert row.gain.mean == pytest.approx(np.mean(SECOND) - np.mean(FIRST))
    assert row.gain.interval == pytest.approx((low, high))
    assert row.p_holm == pytest.approx(expected.pvalue)


def test_of_a_loss_less_is_better():
    first, second = (summary({9: {"random": s}}, metric="log_loss") for s in (SECOND, FIRST))
    (row,) = compared(first, second).rows
    assert row.gain.mean == pytest.approx(np.mean(SECOND) - np.mean(FIRST))
    assert row.gain.mean > 0


def test_of_runs_with_unequal_seeds_those_that_both_have_are_paired():
    found = compared(summary({100: {"random": FIRST}}), summary({100: {"random": SECOND[:3]}}))
    assert found.rows[0].gain.mean == pytest.approx(np.mean(SECOND[:3]) - np.mean(FIRST[:3]))


def test_other_rows_make_two_independent_groups():
    found = compared(
        summary({100: {"random": FIRST}}), summary({100: {"random": SECOND[:3]}}, key="two")
    )
    assert not found.paired
    welch = stats.ttest_ind(SECOND[:3], FIRST, equal_var=False)
    assert found.rows[0].p_holm == pytest.approx(welch.pvalue)
    assert found.rows[0].gain.interval == pytest.approx(tuple(welch.confidence_interval(0.95)))


def test_groups_without_spread_are_judged_by_the_exact_randomisation_test():
    def gain(first: list[float], second: list[float]):
        runs = (
            summary({100: {"random": scores}}, key) for key, scores in (("a", first), ("b", second))
        )
        (row,) = compared(*runs).rows
        assert row.gain.interval is None
        return row.p_holm

    # Of the ways to choose 4 of 8, or 3 of 7, by brute force in SciPy.
    for sizes in [(4, 4), (3, 4)]:
        groups = [[score] * size for score, size in zip((0.7, 0.8), sizes, strict=True)]
        expected = stats.permutation_test(
            groups[::-1], lambda x, y: np.mean(x) - np.mean(y), n_resamples=np.inf
        ).pvalue
        assert gain(*groups) == pytest.approx(expected)
    assert gain([0.7, 0.7], [0.7, 0.7]) == 1
    assert gain([0.7], [0.8]) is None


def test_p_values_are_corrected_for_the_number_of_lines():
    arms = {"random": FIRST, "pretrained": FIRST}
    others = {"random": SECOND, "pretrained": [0.90, 0.92, 0.93, 0.92]}
    rows = compared(summary({100: arms}), summary({100: others})).rows
    by_arm = {row.arm: row for row in rows}
    clear, less = by_arm["pretrained"], by_arm["random"]
    assert clear.p_holm == pytest.approx(2 * clear.gain.p_student)
    assert less.p_holm == pytest.approx(less.gain.p_student)


def test_only_what_both_runs_have_is_compared():
    first = summary({100: {"random": FIRST, "frozen": FIRST}, 500: {"random": FIRST}})
    second = summary({100: {"random": SECOND, "mlp": SECOND}, 200: {"random": SECOND}})
    assert [(row.labels, row.arm) for row in compared(first, second).rows] == [(100, "random")]


def test_nothing_in_common_is_refused():
    with pytest.raises(InputError, match=r"in common.*\[100\] and \[200\]"):
        compared(summary({100: {"random": FIRST}}), summary({200: {"random": FIRST}}))


def test_different_metrics_are_refused():
    with pytest.raises(InputError, match="accuracy and r2"):
        compared(summary({}), summary({}, metric="r2"))


def test_settings_that_differ_are_listed_by_name():
    one = check({"stack": [{"units": 8}, {"units": 4}]}).model_dump(mode="json")
    two = check({"stack": [{"units": 8}], "finetune": {"label_budgets": [5]}})
    found = differences(
        summary({100: {"random": FIRST}}),
        summary({100: {"random": FIRST}}),
        one,
        two.model_dump(mode="json"),
    ).settings
    assert found["stack.1.units"] == (4, None)
    assert found["finetune.label_budgets"] == ([0.1, 0.3, "all"], [5])
    assert all(name.startswith(("stack.1.", "finetune.label_budgets")) for name in found)
