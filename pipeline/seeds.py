"""All randomness derives from one seed: each use has a seed of its own, named after the use."""

import hashlib
import json


def derive(seed: int, *use: str | int) -> int:
    """A seed in [0, 2**31) for one use, independent of the seeds of other uses."""
    digest = hashlib.sha256(json.dumps([seed, *use]).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def split_seed(seed: int, number: int) -> int:
    """Of the split (from 0) of a run's rows; the first is that of a run which has but one."""
    return derive(seed, "resplit", number) if number else seed
