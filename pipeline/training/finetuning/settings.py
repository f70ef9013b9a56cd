"""What decides a trial's score, beside the data and the levels of its stack."""

from pipeline.config.arms import Arm
from pipeline.config.finetune import HeadTraining, NetworkTraining
from pipeline.config.part import Part
from pipeline.config.schema import RunConfig
from pipeline.config.untrained import UntrainedLevel, untrained
from pipeline.training.compute import matched_steps


class Finetuning(Part):
    """One trial of an arm."""

    arm: str
    labels: int
    trial_seed: int
    """Of the label subset, the head and the batch order, alike in every arm."""
    seed: int
    """Of the run."""
    network: tuple[UntrainedLevel, ...]
    training: NetworkTraining | HeadTraining
    more_steps: int
    """Than the training says."""
    metric: str
    """Chooses the encoder's rate and the checkpoint."""


def finetuning_of(
    config: RunConfig,
    arm: Arm,
    labels: int,
    trial_seed: int,
    metric: str,
    read: tuple[int, int],
    outputs: int,
) -> Finetuning:
    """The trial of an arm in a run.

    `read` is how many rows the stack is pretrained on, and of how many features; `outputs` are
    those of the network.
    """
    stack = config.stack[: arm.levels]
    decoder = arm.trains == "network" and config.finetune.reconstruction > 0
    more = matched_steps(stack, config.finetune.batch_size, *read, outputs) if arm.matched else 0
    return Finetuning(
        arm=arm.name,
        labels=labels,
        trial_seed=trial_seed,
        seed=config.seed,
        network=untrained(stack, decoder),
        training=config.finetune.training(arm.trains, labels),
        more_steps=more,
        metric=metric,
    )
