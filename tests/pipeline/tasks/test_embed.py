"""Which classes rows have that are put in few dimensions, and what those are judged by."""

import numpy as np
import pytest

from pipeline.config.task import EmbedTask
from pipeline.errors import InputError
from pipeline.tasks.embed import Embed
from pipeline.tasks.labels import Labels
from pipeline.tasks.metric import Predicted

TASK = Embed(EmbedTask())


def target(names: list[str] | list[list[str]]) -> np.ndarray:
    return TASK.target(Labels(np.array(names), np.array(names), (), "rows.csv"))


def test_a_row_without_a_class_is_tested_and_has_the_number_minus_one():
    found = target(["b", "", "a", "b"])
    names, numbers = TASK.numbers(found, ())
    assert names == ("a", "b")
    assert numbers.tolist() == [1, -1, 0, 1]
    assert TASK.labelled(found).all()


def test_without_classes_neighbours_must_be_neighbours():
    _, none = TASK.numbers(TASK.without_labels(5), ())
    assert TASK.choose_metric(none).metric == "trustworthiness"
    assert TASK.choose_metric(np.array([0, 1, -1])).metric == "neighbour_accuracy"


def test_several_labels_are_refused_with_a_cure():
    with pytest.raises(InputError, match="Name one column"):
        target([["a", "b"], ["c", "d"]])


def test_scores_are_means_over_the_rows_that_were_measured():
    values = np.array([[1, 0.9, 0.8, 1.0, 4.0], [np.nan, 0.7, 0.6, 1.0, 4.0], [np.nan] * 5])
    assert TASK.scores(np.zeros(3), Predicted(values)) == {
        "neighbour_accuracy": 1.0,
        "trustworthiness": pytest.approx(0.8),
        "continuity": pytest.approx(0.7),
        "explained_variance": 0.75,
    }


def test_dimensions_are_told_once_and_in_their_order():
    from pipeline.evaluation.embedding import dimensions

    assert dimensions(EmbedTask(), 784) == (32, (8, 16, 32, 64, 128))
    assert dimensions(EmbedTask(), 30) == (15, (8, 15, 16))
    assert dimensions(EmbedTask(dims=2, prefixes=()), 30) == (2, (2,))
    assert dimensions(EmbedTask(), 2) == (1, (1,))
