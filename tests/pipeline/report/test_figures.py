"""A report's figures: what they draw of hand-set numbers, and their axes."""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy import stats
from sklearn.datasets import load_iris

from pipeline.config.arms import ARMS
from pipeline.config.data import DataConfig
from pipeline.config.finetune import Detecting, Supervised
from pipeline.data.coloured import by_class, by_column
from pipeline.data.features.fitting import fit
from pipeline.data.source import Source
from pipeline.data.sources.read import read
from pipeline.report import figures

ONE_BUDGET = [
    {
        "labels": 600,
        "arms": {
            "pretrained": {"accuracy": [0.99, 1.0, 0.9]},
            "random": {"accuracy": [0.8, 0.99, 0.9]},
        },
        "gain": {"mean": 0.0667, "ci95": [-0.1, 0.2]},
        "correlation": None,
    }
]


def points(figure: Figure) -> list[np.ndarray]:
    """The points (points, 2) of each line of the first panel."""
    return [np.transpose(line.get_data()) for line in figure.axes[0].get_lines()]


def test_scores_are_drawn_as_means_with_student_s_intervals():
    figure = figures.scores_over_labels(ONE_BUDGET, "accuracy")
    axes = figure.axes[0]
    arms = {bars.get_label(): bars for bars in axes.containers}
    assert list(arms) == ["pretrained", "random"]
    for arm, bars in arms.items():
        scores = 100 * np.array(ONE_BUDGET[0]["arms"][arm]["accuracy"])
        mean, _, (interval,) = bars
        assert mean.get_ydata() == pytest.approx([scores.mean()])
        drawn = interval.get_segments()[0][:, 1]
        expected = stats.ttest_1samp(scores, 0).confidence_interval(0.95)
        assert drawn == pytest.approx(list(expected))
    assert axes.get_ylabel() == "accuracy in %"


def test_one_seed_has_no_interval():
    row = {"labels": 600, "arms": {"random": {"r2": [0.5]}}, "correlation": None}
    (bars,) = figures.scores_over_labels([row], "r2").axes[0].containers
    assert not bars.has_yerr
    assert bars[0].get_ydata() == [0.5]


@pytest.mark.parametrize("of_task", [Supervised, Detecting])
def test_no_two_arms_look_alike_whatever_they_are_compared_with(of_task: object):
    names = [*ARMS, *get_args(of_task)]
    row = {
        "labels": 600,
        "arms": {name: {"accuracy": [0.9, 0.8]} for name in names},
        "correlation": None,
    }
    drawn = figures.scores_over_labels([row], "accuracy").axes[0].containers
    looks = {(bars[0].get_color(), bars[0].get_linestyle()) for bars in drawn}
    assert len(looks) == len(names)


def test_points_of_one_budget_stand_together_in_the_middle():
    axes = figures.scores_over_labels(ONE_BUDGET, "accuracy").axes[0]
    low, high = axes.get_xlim()
    places = [line.get_xdata()[0] for line in axes.get_lines()]
    assert low < 0.9 * min(places) and 1.1 * max(places) < high
    low, high = figures.paired_differences(ONE_BUDGET, "accuracy").axes[0].get_xlim()
    assert (low, high) == (-1.5, 1.5)


def test_an_interval_beyond_a_hundred_percent_does_not_widen_the_axis():
    axes = figures.scores_over_labels(ONE_BUDGET, "accuracy").axes[0]
    assert axes.get_ylim()[1] == 100


def test_every_seed_s_difference_is_drawn_beside_mean_and_interval():
    figure = figures.paired_differences(ONE_BUDGET, "accuracy")
    seeds, mean = points(figure)[:2]
    assert seeds[:, 1] == pytest.approx([19, 1, 0])
    assert mean[:, 1] == pytest.approx([6.67])
    (interval,) = figure.axes[0].collections
    assert interval.get_segments()[0][:, 1] == pytest.approx([-10, 20])
    assert figure.axes[0].get_ylabel() == "gain in points"


def test_a_panel_for_each_metric_shows_its_history():
    figure = figures.learning_curves({"loss": [3.0, 2.0, 1.0], "dead_fraction": [0.0, 0.1, 0.2]})
    assert [axes.get_title() for axes in figure.axes] == [
        "loss: 1 at the end", "dead fraction: 0.2 at the end"
    ]  # fmt: skip
    assert points(figure)[0].tolist() == [[1, 3], [2, 2], [3, 1]]


@pytest.mark.parametrize("values", [[-5.0, 0.2, 0.9], [0.9, 0.1, 0.1], [0.0, 0.0], [-2.0, -1.0]])
def test_no_curve_is_cut_off(values):
    """The first epochs neither, however far off they lie."""
    figure = figures.learning_curves({"explained_variance": 20 * values[:1] + values[1:]})
    low, high = figure.axes[0].get_ylim()
    assert low < min(values) and max(values) < high
    assert low < 0 < high


def test_panels_that_are_left_over_are_empty():
    figure = figures.learning_curves({name: [1.0] for name in ("loss", "a", "b")})
    assert [axes.axison for axes in figure.axes] == [True, True, True, False]


def test_images_stand_in_rows_each_with_its_own_range():
    images = np.arange(17 * 4).reshape(17, 2, 2)
    (picture,) = figures.image_grid(images).axes[0].get_images()
    drawn = np.asarray(picture.get_array())
    # Sixteen across, with a border of one pixel to the right and below.
    assert drawn.shape == (2 * 3, 16 * 3, 4)
    for first, second in [(0, 0), (0, 45), (3, 0)]:
        one = drawn[first : first + 2, second : second + 2]
        for colour in range(3):
            np.testing.assert_allclose(one[..., colour], [[0, 1 / 3], [2 / 3, 1]], rtol=1e-6)
        assert np.all(one[..., 3] == 1)
    # What lies between them is the page's, which may be dark.
    assert np.all(drawn[3:, 3:, 3] == 0)
    assert np.all(drawn[2, :, 3] == 0)


def test_images_in_colour_keep_it():
    images = np.arange(2 * 2 * 2 * 3).reshape(2, 2, 2, 3)
    (picture,) = figures.image_grid(images, across=2).axes[0].get_images()
    drawn = np.asarray(picture.get_array())
    assert drawn.shape == (3, 6, 4)
    np.testing.assert_allclose(drawn[0, 0, :3], [0, 1 / 11, 2 / 11], rtol=1e-6)


def test_units_are_counted_by_the_share_of_rows_they_are_active_for():
    axes = figures.density(np.array([0.0, 0.0, 0.25, 1.0]), rows=4).axes[0]
    assert [bar.get_height() for bar in axes.patches] == [2, 1, 0, 0, 1]


@pytest.mark.parametrize("rows", [1, 4, 39, 40, 41, 180, 2000])
def test_bars_lie_between_0_and_1_and_hold_as_many_shares_each(rows):
    shares = np.arange(rows + 1) / rows
    bars = figures.density(shares, rows).axes[0].patches
    assert bars[0].get_x() == 0
    assert bars[-1].get_x() + bars[-1].get_width() == pytest.approx(1)
    heights = [bar.get_height() for bar in bars]
    assert sum(heights) == rows + 1
    assert max(heights) - min(heights) <= 1


def test_a_confusion_matrix_shows_shares_of_each_true_class():
    figure = figures.confusion({"random": np.array([[3, 1], [0, 0]])}, ["a", "b"])
    (picture,) = figure.axes[0].get_images()
    assert np.asarray(picture.get_array()).tolist() == [[0.75, 0.25], [0, 0]]
    assert [text.get_text() for text in figure.axes[0].texts] == ["75", "25", "0", "0"]
    many = figures.confusion({"random": np.eye(13)}, [str(number) for number in range(13)])
    assert not many.axes[0].texts


def test_bars_show_how_far_each_level_moved():
    moved = {"pretrained": {10: [0.1, 0.2]}, "random": {10: [0.3, 0.4], 50: [0.5, 0.6]}}
    figure = figures.movement(moved)
    heights = [[bar.get_height() for bar in axes.patches] for axes in figure.axes]
    assert heights == [[0.1, 0.2], [0.3, 0.4, 0.5, 0.6]]
    assert [axes.get_title() for axes in figure.axes] == list(moved)


def test_scores_without_labels_stand_side_by_side_without_a_scale():
    row = ONE_BUDGET[0] | {"labels": 0}
    axes = figures.scores_over_labels([row], "accuracy").axes[0]
    places = [bars[0].get_xdata()[0] for bars in axes.containers]
    assert len(set(places)) == 2
    assert not axes.get_xticks().size
    assert axes.get_xlabel() == ""


def test_rows_in_two_dimensions_are_coloured_by_class():
    places = np.arange(10).reshape(5, 2)
    axes = figures.scattered(places, by_class(np.array([0, 1, 1, -1, 0]), ("a", "b"))).axes[0]
    drawn = {dots.get_label(): dots.get_offsets() for dots in axes.collections}
    np.testing.assert_array_equal(drawn["a"], places[[0, 4]])
    np.testing.assert_array_equal(drawn["b"], places[[1, 2]])
    np.testing.assert_array_equal(drawn["no class"], places[[3]])


def test_of_many_classes_each_has_a_tone():
    names = tuple(map(str, range(30)))
    colours = by_class(np.arange(30), names)
    (dots,) = figures.scattered(np.zeros((30, 2)), colours).axes[0].collections
    assert len(np.unique(dots.to_rgba(dots.get_array()), axis=0)) == 30


@pytest.fixture
def flowers(tmp_path: Path) -> Source:
    """The irises, of some of which the species is not known."""
    table = load_iris(as_frame=True).frame.set_axis(
        ["sepal_length", "sepal_width", "petal_length", "petal_width", "species"], axis=1
    )
    table["species"] = table["species"].map(dict(enumerate(load_iris().target_names)))
    table.loc[::10, "species"] = None
    table.to_csv(tmp_path / "flowers.csv", index=False)
    return read(DataConfig(source=str(tmp_path / "flowers.csv"), label=()))


def test_rows_are_coloured_by_a_column_in_its_own_units(flowers: Source):
    preprocessing = fit(flowers, np.arange(flowers.rows), DataConfig())
    rows = preprocessing.apply(flowers.numbers, flowers.categories)
    length = by_column(rows, preprocessing, "petal_length")
    np.testing.assert_allclose(length.values, flowers.numbers[:, 2], rtol=1e-5)
    dots, bar = figures.scattered(rows[:, :2], length).axes
    assert bar.get_ylabel() == "petal_length"
    assert (dots.collections[0].get_array() == length.values).all()
    kinds = by_column(rows, preprocessing, "species")
    assert kinds.names is not None
    named = np.where(kinds.values < 0, "", np.array(kinds.names)[kinds.values])
    np.testing.assert_array_equal(named, flowers.categories[:, 0])
    assert len(figures.scattered(rows[:, :2], kinds).axes[0].collections) == 4


def test_scores_over_dimensions_are_drawn_for_each_model():
    scores = {"pretrained": {8: 0.5, 32: 0.9}, "components": {8: 0.4, 32: 0.95}}
    figure = figures.scores_over_dimensions(scores, "neighbour_accuracy")
    np.testing.assert_allclose(points(figure)[0], [[8, 50], [32, 90]])
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["8", "32"]


def test_restored_rows_are_drawn_with_what_they_were_and_what_noise_made_of_them():
    noisy, given, clean = (np.full((2, 5), value) for value in (3.0, 1.1, 1.0))
    drawn = figures.restored_lines(noisy, given, clean)
    lines = {line.get_label(): line.get_ydata() for line in drawn.axes[1].get_lines()}
    assert {name: values[0] for name, values in lines.items()} == {
        "noisy": 3.0, "denoised": 1.1, "clean": 1.0,
    }  # fmt: skip
