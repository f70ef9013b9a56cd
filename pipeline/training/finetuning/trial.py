"""One trial of an arm on its rows: from the levels that it starts from to a network of its own."""

from collections.abc import Callable, Sequence

import keras

from layers import SparseAutoencoder
from pipeline.data.training_data import TrainingData
from pipeline.data.trial_rows import Parts, trial_rows
from pipeline.seeds import trial_seeds
from pipeline.training.finetuning.finetune import Trial
from pipeline.training.finetuning.lending import lent_finetuner
from pipeline.training.finetuning.network import build_network, first_levels
from pipeline.training.finetuning.objective import reads_unlabelled
from pipeline.training.finetuning.settings import Finetuning
from pipeline.training.progress import Watch


def run_trial(
    settings: Finetuning,
    data: TrainingData,
    stack: Callable[[], Sequence[SparseAutoencoder]],
    watch: Watch,
) -> tuple[Trial, keras.Sequential, Parts]:
    """The outcome, the network that was trained, and the rows that it saw.

    `stack` gives the pretrained levels, of an arm that starts from them. Raises `DivergedError`.
    """
    features, outputs = data.rows.shape[1], max(len(data.classes), 1)
    seeds = trial_seeds(settings.seed, settings.trial_seed)
    parts = trial_rows(data, settings.labels, seeds.subset, reads_unlabelled(settings.training))
    start = first_levels(settings.arm, settings.network, features, seeds.random, stack)
    with lent_finetuner(
        settings.training,
        settings.network,
        features,
        outputs,
        data.task.section,
        settings.metric,
        data.preprocessing.column_of_features,
        data.weights is not None,
    ) as finetuner:
        result = finetuner.run(start, parts, seeds.training, watch, settings.more_steps)
    network = build_network(settings.network, features, outputs).model
    network.set_weights(result.weights)
    return result, network, parts
