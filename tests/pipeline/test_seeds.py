"""Seeds: one for each use, the same on every machine."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from pipeline.seeds import derive

ROOT = Path(__file__).parents[2]


def test_a_use_has_the_same_seed_in_every_process():
    command = [sys.executable, "-c", "from pipeline.seeds import derive; print(derive(7, 'a', 1))"]
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert int(run.stdout) == derive(7, "a", 1)


def test_seeds_are_what_they_were_in_the_first_release():
    # Other numbers would give every user other weights, splits and results.
    assert derive(0, "split") == 71366183
    assert derive(0, "pretrain", 1) == 968441559


def test_every_part_of_a_use_counts_and_its_order_and_type_too():
    uses = [(), ("a",), ("b",), ("a", 1), ("a", "1"), ("a", 2), (1, "a"), ("a1",), ("a", "b")]
    seeds = {derive(seed, *use) for seed in (0, 1) for use in uses}
    assert len(seeds) == 2 * len(uses)


def test_a_seed_fits_every_library():
    seeds = np.array([derive(0, "use", number) for number in range(2000)])
    assert seeds.min() >= 0
    assert seeds.max() < 2**31


def test_neighbouring_uses_share_no_pattern():
    seeds = np.array([derive(0, "use", number) for number in range(2000)])
    bits = seeds[:, None] >> np.arange(31) & 1
    # Each bit is a fair coin and so is whether it flips from one use to the next: five standard
    # deviations.
    tolerance = 5 * 0.5 / np.sqrt(2000)
    np.testing.assert_allclose(bits.mean(axis=0), 0.5, atol=tolerance)
    np.testing.assert_allclose((bits[1:] != bits[:-1]).mean(axis=0), 0.5, atol=tolerance)
