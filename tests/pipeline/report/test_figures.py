"""Axes of a report's figures."""

from pipeline.report.figures import paired_differences, scores_over_labels

ONE_BUDGET = [
    {
        "labels": 600,
        "arms": {
            "pretrained": {"accuracy": [0.99, 1.0, 0.9]},
            "random": {"accuracy": [0.8, 0.99, 0.9]},
        },
        "gain": {"mean": 0.067, "ci95": [-0.1, 0.2]},
    }
]


def test_points_of_one_budget_stand_together_in_the_middle():
    axes = scores_over_labels(ONE_BUDGET, "accuracy").axes[0]
    low, high = axes.get_xlim()
    places = [line.get_xdata()[0] for line in axes.get_lines()]
    assert low < 0.9 * min(places) and 1.1 * max(places) < high
    low, high = paired_differences(ONE_BUDGET, "accuracy").axes[0].get_xlim()
    assert (low, high) == (-1.5, 1.5)


def test_an_interval_beyond_a_hundred_percent_does_not_widen_the_axis():
    axes = scores_over_labels(ONE_BUDGET, "accuracy").axes[0]
    assert axes.get_ylim()[1] == 100
