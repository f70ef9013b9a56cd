"""An exported model whose first level judges categories as such gives their shares."""

import numpy as np
import tensorflow as tf

from pipeline.config.data import DataConfig
from pipeline.config.level import LevelConfig
from pipeline.config.task import AutoTask
from pipeline.config.untrained import untrained
from pipeline.data.prepared import prepare
from pipeline.export.saved_model import export
from pipeline.export.signatures.inputs import given_by_name
from pipeline.export.trained import Trained
from pipeline.tasks.task import Coding
from pipeline.training.finetuning.network import build_network, initialize
from pipeline.training.pretraining.pretrain import pretrain


def test_the_exported_model_reconstructs_and_scores_as_the_level_does(flowers, tmp_path):
    flowers.to_csv(tmp_path / "flowers.csv", index=False)
    config = DataConfig(
        source=str(tmp_path / "flowers.csv"), label="species", categorical=("year",)
    )
    data = prepare(config, AutoTask(), 0, tmp_path / "scratch")
    preprocessing, rows = data.preprocessing, np.asarray(data.rows)
    level = LevelConfig(units=12, loss="by_kind", epochs=3, batch_size=16, learning_rate=0.01)
    autoencoder = pretrain(
        level, rows, rows, 0, lambda _: None, categories=preprocessing.features_of_categories
    ).autoencoder
    stack = untrained((level,), decoder=True)
    network = build_network(stack, rows.shape[1], 3)
    initialize(network, [autoencoder], rows, seed=0)
    trained = Trained(
        "flowers", preprocessing, stack, [autoencoder], network.model, data.task, data.classes,
        Coding(0.0, 1.0), layout=data.layout,
    )  # fmt: skip
    folder = export(trained, tmp_path / "exports", data.numbers, data.categories)

    features = preprocessing.apply(data.numbers, data.categories)
    expected = np.asarray(autoencoder(features)["reconstruction"])
    signatures = tf.saved_model.load(str(folder)).signatures
    given = given_by_name(preprocessing.columns, data.numbers, data.categories)
    given = {name: tf.constant(values) for name, values in given.items()}
    got = signatures["reconstruct"](**given)["reconstruction"].numpy()
    without_pieces = expected[:, : got.shape[1]]
    np.testing.assert_allclose(preprocessing.scaled_again(got), without_pieces, atol=1e-5)
    for onehot in (got[:, 5:9], got[:, 9:11]):  # after the numbers, and whether a width is missing
        np.testing.assert_allclose(onehot.sum(axis=1), 1, atol=1e-5)
        assert onehot.min() >= 0
    errors = signatures["score"](**given)["reconstruction_error"].numpy()
    np.testing.assert_allclose(errors, np.mean((features - expected) ** 2, axis=1), atol=1e-5)
