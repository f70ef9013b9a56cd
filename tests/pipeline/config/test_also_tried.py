"""Each arm may be tried with other values too, where labels are many enough to choose."""

from pathlib import Path

import pytest

from pipeline.config.finetune import Attempt, FinetuneConfig, TriedToo
from pipeline.config.loading import load, of_tables
from pipeline.errors import InputError

CONFIG = FinetuneConfig(
    dropout=0.5,
    learning_rate=0.01,
    weight_decay=0.0,
    encoder_rates=(0.3, 1.0),
    also_tried=(TriedToo(labels=500, dropout=0.2), TriedToo(labels=2000, weight_decay=3.0)),
)
OTHERS = {1: [], 499: [], 500: [(0.0, 0.2)], 1999: [(0.0, 0.2)], 2000: [(0.0, 0.2), (3.0, 0.5)]}


@pytest.mark.parametrize("labels", OTHERS)
def test_the_usual_values_are_tried_first_and_others_where_labels_are_many(labels: int):
    expected = [
        Attempt(learning_rate=0.01, weight_decay=decay, dropout=dropout, encoder_rate=rate)
        for decay, dropout in [(0.0, 0.5), *OTHERS[labels]]
        for rate in (0.3, 1.0)
    ]
    assert CONFIG.training("network", labels).attempts() == expected


def test_the_linear_probe_comes_before_what_goes_on_from_it():
    config = CONFIG.model_copy(update={"encoder_rates": (1.0, 0.0)})
    training = config.training("network", 2000)
    assert [a.encoder_rate for a in training.attempts()] == [0.0, 1.0] * 3
    for probe, attempt in zip(training.attempts()[::2], training.attempts()[1::2], strict=True):
        assert training.goes_on_from(attempt) == probe
        assert training.goes_on_from(probe) is None


def test_without_a_linear_probe_nothing_goes_on_from_it():
    training = CONFIG.training("network", 2000)
    assert not any(training.goes_on_from(attempt) for attempt in training.attempts())


@pytest.mark.parametrize("labels", OTHERS)
def test_a_head_alone_is_tried_with_the_same(labels: int):
    attempts = CONFIG.training("head", labels).attempts()
    assert [a[1:3] for a in attempts] == [(0.0, 0.5), *OTHERS[labels]]
    assert {a.encoder_rate for a in attempts} == {0.0}


def dropouts(config) -> set[float]:
    return {a.dropout for a in config.finetune.training("head", 10_000).attempts()}


def test_a_value_that_is_set_is_not_tried_otherwise():
    assert dropouts(of_tables()) != {0.3}
    config = load(None, data="rows.csv", settings=["finetune.dropout=0.3"])
    assert dropouts(config) == {0.3}
    assert len(config.finetune.also_tried) == len(of_tables().finetune.also_tried)


def test_nor_is_one_that_a_config_file_gives(tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_text("data: {source: rows.csv}\nfinetune: {dropout: 0.3}\n")
    assert dropouts(load(str(file))) == {0.3}


def test_what_a_config_tries_of_its_own_is_tried(tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_text(
        "data: {source: rows.csv}\n"
        "finetune: {dropout: 0.4, also_tried: [{labels: 100, dropout: 0.1}]}\n"
    )
    assert dropouts(load(str(file))) == {0.4, 0.1}


def test_what_is_no_list_of_values_is_refused_with_the_path():
    with pytest.raises(InputError, match="finetune.also_tried"):
        load(None, data="rows.csv", settings=["finetune.also_tried=3"])
