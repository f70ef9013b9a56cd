"""Label saving: against hand-set curves."""

from math import log10, sqrt

import numpy as np
import pytest
from scipy import stats

from pipeline.evaluation.compare import Score
from pipeline.evaluation.label_saving import label_saving_entry, label_savings
from tests.pipeline.evaluation.measured import as_scores, measured_digits


def scores(pretrained: dict[int, list[float]], random: dict[int, list[float]]) -> list[Score]:
    """From lists of scores by seed, for each label budget."""
    return [
        Score(arm, labels, seed, score)
        for arm, curve in (("pretrained", pretrained), ("random", random))
        for labels, by_seed in curve.items()
        for seed, score in enumerate(by_seed)
    ]


def one_seed(pretrained: list[float], random: list[float]) -> list[float]:
    """What label savings say for one seed at 100, 1,000 and 10,000 labels."""
    budgets = (100, 1000, 10_000)
    curves = [{b: [s] for b, s in zip(budgets, arm, strict=True)} for arm in (pretrained, random)]
    return [saving.equals for saving in label_savings(scores(*curves))]


def test_between_budgets_the_curve_is_straight_over_the_logarithm_of_labels():
    found = one_seed([0.6, 0.75, 0.85], [0.5, 0.7, 0.9])
    assert found == pytest.approx([100 * sqrt(10), 1000 * 10**0.25, 1000 * 10**0.75])


def test_of_a_loss_the_curves_fall():
    table = scores({100: [1.4], 1000: [1.0]}, {100: [1.8], 1000: [1.2]})
    found = label_savings([score._replace(less_is_better=True) for score in table])
    assert [(saving.equals, saving.bound) for saving in found] == [
        (pytest.approx(100 * 10 ** (2 / 3)), None),
        (1000, "at least"),
    ]


def test_equal_curves_save_nothing():
    assert one_seed([0.5, 0.7, 0.9], [0.5, 0.7, 0.9]) == [100, 1000, 10_000]


def test_beyond_the_budgets_the_nearest_budget_is_given():
    assert one_seed([0.95, 0.96, 0.97], [0.5, 0.7, 0.9]) == [10_000] * 3
    assert one_seed([0.1, 0.2, 0.3], [0.5, 0.7, 0.9]) == [100] * 3


def test_a_curve_that_falls_is_made_monotone():
    # Isotonic regression makes 0.7 of 0.8 and 0.6: it is reached at the first of the two.
    assert one_seed([0.7, 0.7, 0.9], [0.8, 0.6, 0.9]) == [100, 100, 10_000]


def test_the_interval_ends_where_the_paired_t_test_begins_to_reject():
    pretrained = {100: [0.6, 0.7, 0.65], 1000: [0.8, 0.8, 0.8]}
    random = {100: [0.5, 0.52, 0.5], 1000: [0.9, 0.9, 0.93]}
    saving = label_savings(scores(pretrained, random))[0]

    def p_value(labels: float) -> float:
        share = log10(labels / 100)
        curve = (1 - share) * np.array(random[100]) + share * np.array(random[1000])
        return stats.ttest_rel(pretrained[100], curve).pvalue

    assert [p_value(end) for end in saving.interval] == pytest.approx([0.05, 0.05], rel=1e-3)
    assert saving.interval[0] < saving.equals < saving.interval[1]


@pytest.mark.parametrize("seeds", [5, 10])
def test_the_interval_holds_the_true_number_in_95_runs_of_100(seeds):
    budgets, measured = measured_digits()
    truth = {s.labels: s.equals for s in label_savings(as_scores(budgets, measured)) if not s.bound}
    assert len(truth) == 2
    rng = np.random.default_rng(0)
    covers, widths = [], []
    for _ in range(2000):
        drawn = measured[:, rng.integers(0, measured.shape[1], seeds)]
        for saving in label_savings(as_scores(budgets, drawn)):
            if saving.labels in truth and not saving.bound:
                low, high = saving.interval
                covers.append(low <= truth[saving.labels] <= high)
                widths.append(high / low)
    assert 0.93 <= np.mean(covers) <= 0.97
    assert np.median(widths) < {5: 2.2, 10: 1.6}[seeds]


def test_seeds_without_spread_leave_one_number():
    made = scores({100: [0.6] * 3, 1000: [0.7] * 3}, {100: [0.5] * 3, 1000: [0.9] * 3})
    for saving in label_savings(made):
        assert saving.interval == pytest.approx((saving.equals, saving.equals))


def test_an_interval_beyond_the_budgets_ends_at_them():
    made = scores({10: [0.5, 0.9], 100: [0.6, 0.9]}, {10: [0.6, 0.7], 100: [0.9, 0.8]})
    assert label_savings(made)[0].interval == (10, 100)
    above = scores({10: [0.9, 0.91], 100: [0.95, 0.95]}, {10: [0.1, 0.1], 100: [0.2, 0.2]})
    assert label_savings(above)[0].interval == (100, 100)


def test_the_same_scores_give_the_same_interval():
    made = scores(
        {10: [0.6, 0.7, 0.5], 100: [0.8, 0.7, 0.9]}, {10: [0.5, 0.4, 0.5], 100: [0.8] * 3}
    )
    assert label_savings(made) == label_savings(list(reversed(made)))


def test_only_seeds_that_ran_everywhere_count():
    made = scores({10: [0.6, 0.9], 100: [0.8]}, {10: [0.5, 0.4], 100: [0.9, 0.9]})
    assert label_savings(made) == label_savings([score for score in made if score.seed == 0])
    assert [saving.interval for saving in label_savings(made)] == [None, None]


@pytest.mark.parametrize(
    "made",
    [
        [],
        scores({10: [0.6]}, {10: [0.5]}),
        scores({10: [0.6], 100: [0.7]}, {}),
        scores({10: [0.6], 100: [0.7]}, {20: [0.5], 200: [0.6]}),
    ],
    ids=["nothing", "one budget", "one arm", "no common budget"],
)
def test_without_two_common_budgets_there_is_no_curve(made):
    assert label_savings(made) == []


def test_an_entry_holds_every_figure_by_name():
    made = scores({100: [0.6, 0.6], 1000: [0.9, 0.9]}, {100: [0.5, 0.5], 1000: [0.7, 0.7]})
    assert label_saving_entry(label_savings(made)[0]) == {
        "labels": 100,
        "equals": pytest.approx(100 * sqrt(10)),
        "bound": None,
        "ci95": [pytest.approx(100 * sqrt(10))] * 2,
        "times": pytest.approx(sqrt(10)),
    }
    assert label_saving_entry(label_savings(made[::2])[0])["ci95"] is None


def test_what_lies_beyond_the_budgets_is_a_bound():
    made = scores({100: [0.4, 0.4], 1000: [0.9, 0.9]}, {100: [0.5, 0.5], 1000: [0.7, 0.7]})
    assert [saving.bound for saving in label_savings(made)] == ["at most", "at least"]
