"""All randomness derives from one seed: each use has a seed of its own, named after the use."""

import hashlib
import json
from typing import NamedTuple


def derive(seed: int, *use: str | int) -> int:
    """A seed in [0, 2**31) for one use, independent of the seeds of other uses."""
    digest = hashlib.sha256(json.dumps([seed, *use]).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def split_seed(seed: int, number: int) -> int:
    """Of the split (from 0) of a run's rows; the first is that of a run which has but one."""
    return derive(seed, "resplit", number) if number else seed


def level_seed(seed: int, stack: int, number: int) -> int:
    """Of pretraining the level `number` (from 1) of a stack (from 0)."""
    return derive(seed, "pretrain", stack, number)


class TrialSeeds(NamedTuple):
    """Of one trial, alike in every arm."""

    subset: int
    """Of the rows that show their label."""
    training: int
    """Of the head and the batch order."""
    random: int
    """Of new weights, in place of a stack's."""
    reference: int
    """Of a reference model."""


def trial_seeds(seed: int, trial: int) -> TrialSeeds:
    """Of the trials of this number (from 0) in a run."""
    uses = ("subset", "trial", "random", "reference")
    return TrialSeeds(*(derive(seed, use, trial) for use in uses))
