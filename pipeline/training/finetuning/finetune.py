"""Fine-tuning one trial: an arm, a label budget and a seed, from initial weights to test score."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from layers import SparseAutoencoder
from pipeline.config.finetune import Attempt, HeadTraining, NetworkTraining
from pipeline.config.untrained import UntrainedLevel
from pipeline.data.rows.streamed import Rows
from pipeline.data.trial_rows import STANDARDIZED_ON, Labelled, Parts
from pipeline.evaluation.calibration import calibrated_scores, decision_of
from pipeline.seeds import derive
from pipeline.tasks.decision import Decision
from pipeline.tasks.metric import Metric, Predicted
from pipeline.tasks.task import Coding, Task
from pipeline.training.finetuning.network import build_network, initialize
from pipeline.training.finetuning.objective import reads_unlabelled
from pipeline.training.finetuning.trainers import Trainers
from pipeline.training.loop import blocks, shuffled_batches
from pipeline.training.progress import Progress, Watch
from pipeline.training.stack import build_decoder, initialize_decoder

PREDICTED_ROWS = 4096
Weights = list[np.ndarray]
"""Of a whole network, in Keras's order."""


class Trial(NamedTuple):
    """The outcome of one trial."""

    score: float
    """By the metric that is compared, on the test rows."""
    scores: dict[str, float]
    """By every metric of the task, on the test rows."""
    validation_score: float
    """By the metric that is compared, on the validation rows, of the weights kept (before a refit,
    where there is one)."""
    attempt: Attempt
    """What was tried, and kept."""
    predicted: Predicted
    """Of the test rows."""
    weights: Weights
    coding: Coding
    """How the network's outputs stand for a number."""
    decision: Decision
    """How they stand for probabilities, and classes or labels."""
    moved: list[float]
    """For each level: Euclidean distance of its kernel from where it began, over its norm then."""


class Finetuner:
    """Trains networks of one shape; what TensorFlow compiles serves all trials of that shape."""

    def __init__(
        self,
        training: HeadTraining,
        stack: Sequence[UntrainedLevel],
        features: int,
        outputs: int,
        task: Task,
        metric: Metric | None = None,
        columns: Sequence[int] = (),
        weighed: bool = False,
    ):
        """`outputs` is the number of classes or labels, or 1 for a number.

        `metric` chooses rate and checkpoint: by default the task's first. `columns` says of each
        feature which column it is of; where it is empty each is one. `weighed`: rows have weights.
        """
        self.training = training
        self.task = task
        self.metric = metric or task.metrics[0]
        self.network = build_network(stack, features, outputs)
        self._target_type = task.spec(outputs).dtype.name
        self._decoder: keras.Sequential | None = None
        if isinstance(training, NetworkTraining) and training.reconstruction:
            self._decoder = build_decoder(stack, features)
        self._trainers = Trainers(
            training, self.network, stack, task, columns, weighed, self._decoder
        )
        self._outputs = tf.function(
            partial(self.network.model, training=False),
            input_signature=[tf.TensorSpec((None, features), tf.float32)],
        )
        self._codes = tf.function(
            lambda rows: self.network.standardize(self.network.encoder(rows, training=False)),
            input_signature=[tf.TensorSpec((None, features), tf.float32)],
        )

    def run(
        self,
        autoencoders: Sequence[SparseAutoencoder],
        parts: Parts,
        seed: int,
        watch: Watch,
        more_steps: int = 0,
    ) -> Trial:
        """Train one trial from the autoencoders' encoders and score it.

        `seed` decides the head's first weights and the batch order, so trials of different arms
        with the same seed differ in the encoder's first weights alone. `more_steps` are divided
        among the attempts, but for probes. Raises `DivergedError`.
        """
        attempts = self.training.attempts()
        more = more_steps // max(1, sum(not attempt.trains_head for attempt in attempts))
        start = partial(self._start, autoencoders, parts.unlabelled, seed)
        start(attempts[0])
        kernels = self._kernels()

        def fit(
            attempt: Attempt,
            first: Weights | None,
            coding: Coding,
            train: Labelled,
            validation: Labelled | None,
        ) -> tuple[float, Weights]:
            start(attempt)
            if first:
                self.network.model.set_weights(first)
            return self._train(
                attempt, coding, train, validation, parts.unlabelled, seed, watch, more
            )

        coding = self.task.coding(parts.train.targets)
        trained: dict[Attempt, tuple[float, Weights]] = {}
        for attempt in attempts:
            probe = self.training.goes_on_from(attempt)
            probed = trained[probe][1] if probe else None
            trained[attempt] = fit(attempt, probed, coding, parts.train, parts.validation)
        attempt = max(attempts, key=lambda attempt: trained[attempt][0])
        merit, weights = trained[attempt]
        self.network.model.set_weights(weights)
        # Before a refit, whose rows may be those of validation.
        outputs = self._predict(parts.validation.rows)
        decision = decision_of(
            self.task, outputs, parts.validation.targets, self.metric,
            self.training.class_weights, parts.validation.weights,
        )  # fmt: skip
        if parts.refit:
            coding = self.task.coding(parts.refit.targets)
            probe = self.training.goes_on_from(attempt)
            probed = fit(probe, None, coding, parts.refit, None)[1] if probe else None
            _, weights = fit(attempt, probed, coding, parts.refit, None)
        self.network.model.set_weights(weights)
        outputs = self._predict(parts.test.rows)
        predicted = self.task.predicted(outputs, coding, decision)
        raw = self.task.predicted(outputs, coding)
        scores = calibrated_scores(
            self.task, parts.test.targets, predicted, raw, parts.test.weights
        )
        moved = [
            float(np.linalg.norm(after - kernel) / np.linalg.norm(kernel))
            for kernel, after in zip(kernels, self._kernels(), strict=True)
        ]
        return Trial(
            score=scores[self.metric.name],
            scores=scores,
            validation_score=self.metric.merit(merit),
            attempt=attempt,
            predicted=predicted,
            weights=weights,
            coding=coding,
            decision=decision,
            moved=moved,
        )

    def _name(self, attempt: Attempt) -> str:
        """What tells the attempt from the others."""
        of_network = isinstance(self.training, NetworkTraining)
        parts = [f"rate_{attempt.encoder_rate:g}"] if of_network else []
        for setting in ("learning_rate", "weight_decay", "dropout"):
            value = getattr(attempt, setting)
            if value != getattr(self.training, setting):
                parts.append(f"{setting}_{value:g}")
        return "_".join(parts)

    def _start(
        self,
        autoencoders: Sequence[SparseAutoencoder],
        unlabelled: np.ndarray,
        seed: int,
        attempt: Attempt,
    ) -> None:
        """Set every weight as it is before training, and begin the noise anew."""
        initialize(self.network, autoencoders, unlabelled[:STANDARDIZED_ON], seed)
        if self._decoder:
            initialize_decoder(self._decoder, autoencoders)
        self._trainers.objective(attempt).begin(unlabelled, derive(seed, "noise"))

    def _train(
        self,
        attempt: Attempt,
        coding: Coding,
        train: Labelled,
        validation: Labelled | None,
        unlabelled: np.ndarray,
        seed: int,
        watch: Watch,
        more_steps: int,
    ) -> tuple[float, Weights]:
        """Train from the network's present weights; give back the best checkpoint and its merit."""
        rows = self._batched(self._codes, train.rows) if attempt.trains_head else train.rows
        targets = coding.encode(train.targets).astype(self._target_type)
        arrays = [tf.constant(rows), tf.constant(targets)]
        if train.weights is not None:
            arrays.append(tf.constant((train.weights / train.weights.mean()).astype("float32")))
        if reads_unlabelled(self.training) and not attempt.trains_head:
            arrays.append(tf.constant(unlabelled))
        objective = self._trainers.objective(attempt)
        objective.weigh(train.targets)
        more = 0 if attempt.trains_head else more_steps
        batches = self._batches(len(train.rows), seed, more)
        trainer = self._trainers.trainer(attempt, batches.shape[1])
        trainer.reset()
        steps = len(batches)
        checkpoints = min(self.training.checkpoints, steps)
        head_rates = attempt.learning_rate * (1 - np.arange(steps) / steps)
        rates = head_rates[:, None] * (
            [1.0] if attempt.trains_head else [attempt.encoder_rate, 1.0]
        )

        name = self._name(attempt) if validation else "refit"

        def at(done: int, loss: float, checkpoint: int, metrics: dict[str, float] | None):
            seen = done * batches.shape[1]
            return Progress(done, steps, seen, loss, checkpoint, checkpoints, metrics, 0, name)

        best_merit = (-np.inf, -np.inf)
        best_weights = self.network.model.get_weights()
        done = 0
        for number, part in enumerate(np.array_split(batches, checkpoints), 1):
            step_losses = []
            for block in blocks(part):
                objective.advance(done / steps)
                here = slice(done, done + len(part[block]))
                step_losses.append(trainer.run(part[block], rates[here], *arrays))
                done = here.stop
                if block.stop < len(part):
                    watch(at(done, step_losses[-1], number, None))
            metrics = {"loss": float(np.mean(step_losses))}
            if validation is None:
                best_weights = self.network.model.get_weights()
            else:
                outputs = self._predict(validation.rows)
                predicted = self.task.predicted(outputs, coding)
                predicted = predicted._replace(weights=validation.weights)
                score = self.metric.score(validation.targets, predicted)
                merit = self.metric.merit(score)
                truth = coding.encode(validation.targets).astype(self._target_type)
                losses = np.asarray(self.task.losses(truth, outputs))
                loss = float(np.average(losses, weights=validation.weights))
                metrics |= {"validation_loss": loss, f"validation_{self.metric.name}": score}
                # Few validation rows give many equal scores; the lower loss decides then.
                if (merit, -loss) > best_merit:
                    best_merit = (merit, -loss)
                    best_weights = self.network.model.get_weights()
            watch(at(done, metrics["loss"], number, metrics))
        return best_merit[0], best_weights

    def _kernels(self) -> list[np.ndarray]:
        """The weights of each level, without biases."""
        layers = self.network.encoder.layers
        return [layer.kernel.numpy() for layer in layers if isinstance(layer, keras.layers.Dense)]

    def _batches(self, rows: int, seed: int, more_steps: int) -> np.ndarray:
        """Indices (steps, batch size) of all epochs; every arm begins with the same."""
        config = self.training
        per_epoch = max(1, rows // config.batch_size)
        epochs = max(config.epochs, -(-config.min_steps // per_epoch)) + more_steps // per_epoch
        return np.concatenate(
            [
                shuffled_batches(rows, config.batch_size, derive(seed, "epoch", epoch))
                for epoch in range(epochs)
            ]
        )

    def _predict(self, rows: Rows) -> np.ndarray:
        return self._batched(self._outputs, rows)

    @staticmethod
    def _batched(function, rows: Rows) -> np.ndarray:
        starts = range(0, len(rows), PREDICTED_ROWS)
        return np.concatenate([function(rows[s : s + PREDICTED_ROWS]).numpy() for s in starts])
