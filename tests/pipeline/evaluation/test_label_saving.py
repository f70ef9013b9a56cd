"""Label saving: against hand-set curves."""

from math import sqrt

import pytest

from pipeline.evaluation.compare import Score
from pipeline.evaluation.label_saving import label_saving_entry, label_savings


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


def test_equal_curves_save_nothing():
    assert one_seed([0.5, 0.7, 0.9], [0.5, 0.7, 0.9]) == [100, 1000, 10_000]


def test_beyond_the_budgets_the_nearest_budget_is_told():
    assert one_seed([0.95, 0.96, 0.97], [0.5, 0.7, 0.9]) == [10_000] * 3
    assert one_seed([0.1, 0.2, 0.3], [0.5, 0.7, 0.9]) == [100] * 3


def test_a_curve_that_falls_is_made_monotone():
    # Isotonic regression makes 0.7 of 0.8 and 0.6: it is reached at the first of the two.
    assert one_seed([0.7, 0.7, 0.9], [0.8, 0.6, 0.9]) == [100, 100, 10_000]


def test_the_interval_covers_the_seeds():
    pretrained = {100: [0.6, 0.7, 0.65], 1000: [0.8, 0.8, 0.8]}
    random = {100: [0.5, 0.5, 0.5], 1000: [0.9, 0.9, 0.9]}
    first, second = label_savings(scores(pretrained, random))
    # Means over three seeds drawn with replacement lie between those of the least and the best.
    least, best = (100 * 10 ** ((mean - 0.5) / 0.4) for mean in (0.6, 0.7))
    assert first.equals == pytest.approx(100 * 10 ** (0.15 / 0.4))
    assert least < first.interval[0] + 1e-5 < first.equals < first.interval[1] < best + 1e-5
    assert second.interval == pytest.approx((second.equals, second.equals))


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


def test_what_lies_beyond_the_budgets_is_told_as_a_bound():
    made = scores({100: [0.4, 0.4], 1000: [0.9, 0.9]}, {100: [0.5, 0.5], 1000: [0.7, 0.7]})
    assert [saving.bound for saving in label_savings(made)] == ["at most", "at least"]
