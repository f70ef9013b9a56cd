"""A level whose loss goes by the kind of column, on a small table with categories."""

import numpy as np
import pytest

from pipeline.config.corruption import SwapNoise
from pipeline.config.data import DataConfig
from pipeline.config.level import LevelConfig
from pipeline.config.sparsity import TopKLimit
from pipeline.config.task import AutoTask
from pipeline.data.prepared import Prepared, prepare
from pipeline.training.pretraining.level import build_autoencoder
from pipeline.training.pretraining.pretrain import pretrain

LEVEL = LevelConfig(units=16, loss="by_kind", epochs=15, batch_size=16, learning_rate=0.01)


@pytest.fixture(scope="module")
def data(flowers, tmp_path_factory) -> Prepared:
    """Irises: four numbers, and with them the garden and the year as one-hot vectors."""
    folder = tmp_path_factory.mktemp("by_kind")
    flowers.to_csv(folder / "flowers.csv", index=False)
    config = DataConfig(
        source=str(folder / "flowers.csv"), label="species", categorical=("year",), pieces=4
    )
    return prepare(config, AutoTask(), 0, folder / "scratch")


def trained(data: Prepared, level: LevelConfig, categories=None):
    rows = np.asarray(data.rows[data.splits.pretrain])
    preprocessing = data.preprocessing
    found = preprocessing.features_of_categories if categories is None else categories
    losses: list[float] = []
    result = pretrain(
        level, rows, rows, 0, lambda p: losses.append(p.loss) if p.metrics else None,
        columns=preprocessing.column_of_features, categories=found,
    )  # fmt: skip
    return result.autoencoder, losses, rows


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"tied": True},
        {"unit_norm_decoder": True},
        {"precision": "bfloat16"},
        {"corruption": SwapNoise(share=0.2)},
        {"sparsity": TopKLimit(k=8)},
    ],
    ids=str,
)
def test_every_kind_of_level_learns_to_tell_categories(changes, data):
    autoencoder, losses, rows = trained(data, LEVEL.model_copy(update=changes))
    assert losses[-1] < 0.8 * losses[0]
    shares = np.asarray(autoencoder(rows)["reconstruction"])
    for features in data.preprocessing.features_of_categories:
        onehot = slice(features.start, features.stop)
        np.testing.assert_allclose(shares[:, onehot].sum(axis=1), 1, atol=1e-5)
        right = shares[:, onehot].argmax(axis=1) == rows[:, onehot].argmax(axis=1)
        assert right.mean() > rows[:, onehot].mean(axis=0).max() + 0.1


def test_with_xla_it_trains_alike(data, monkeypatch):
    plain = trained(data, LEVEL)
    monkeypatch.setattr("pipeline.training.pretraining.pretrain.trains_with_xla", lambda *_: True)
    compiled = trained(data, LEVEL)
    assert compiled[1] == pytest.approx(plain[1], rel=1e-3)


def test_an_empty_code_stands_for_the_mean_of_numbers_and_the_shares_of_categories(data):
    rows = np.asarray(data.rows[data.splits.pretrain])
    autoencoder = build_autoencoder(
        LEVEL, rows, 0, categories=data.preprocessing.features_of_categories
    )
    decoded = np.asarray(autoencoder.decode(np.zeros((1, 16), "float32")))[0]
    np.testing.assert_allclose(decoded, rows.mean(axis=0), atol=1e-5)


def test_without_categories_it_is_the_normalized_loss(data):
    by_kind, _, _ = trained(data, LEVEL, categories=())
    normalized, _, _ = trained(data, LEVEL.model_copy(update={"loss": "normalized"}))
    for one, other in zip(by_kind.get_weights(), normalized.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_it_is_another_loss_where_there_are_categories(data):
    by_kind, _, rows = trained(data, LEVEL)
    normalized, _, _ = trained(data, LEVEL.model_copy(update={"loss": "normalized"}))
    first, second = (np.asarray(model.encode(rows)) for model in (by_kind, normalized))
    assert np.abs(first - second).max() > 0.1
