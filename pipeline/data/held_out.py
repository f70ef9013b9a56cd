"""Test rows that stay test rows when others come or go: each row's values decide."""

import hashlib
import json

import numpy as np

from pipeline.data.rows.streamed import blocks_of
from pipeline.data.source import Source
from pipeline.errors import InputError


def held_out(source: Source, share: float, seed: int) -> np.ndarray:
    """bool (rows,): a digest of each row's features and the seed is in the lowest `share` of all.

    Labels have no part in it, nor have other rows: rows that are equal are held out together, and
    one without a label is held out from the beginning, should it get one.

    Raises:
        InputError: when no row is.
    """
    limit, key = share * 2.0**64, seed.to_bytes(8, "little")
    held = np.zeros(source.rows, bool)
    blocks = blocks_of(source.numbers) if source.numbers.shape[1] else [(0, source.numbers)]
    for start, numbers in blocks:
        values = np.asarray(numbers, "<f8") + 0.0  # there is one zero, not two
        texts = source.categories[start : start + len(values)]
        for position, (row, text) in enumerate(zip(values, texts, strict=True), start):
            content = row.tobytes() + json.dumps(text.tolist()).encode()
            digest = hashlib.blake2b(content, digest_size=8, key=key).digest()
            held[position] = int.from_bytes(digest, "little") < limit
    if not held.any():
        raise InputError(
            "data.holdout: stable holds out each row with the probability data.test. Of the "
            f"{source.rows} rows of {source.name} none is held out with {share:g}. Raise "
            "data.test, or add rows."
        )
    return held
