"""How often a verdict is false, as a verdict on pretraining, when seeds share stacks.

`python -m benchmarks.statistics.stacks` draws 10,000 looks of five and of ten seeds with no true
gain, where stacks differ by a share of what seeds differ, and prints how many are called anything.
"""

from itertools import product

import numpy as np

from pipeline.evaluation.gain import half_interval

LOOKS = 10_000
SHARES = (0.0, 0.25, 0.5, 1.0)
"""Standard deviation between stacks, over that between seeds with one stack."""


def false_verdicts(seeds: int, stacks: int, share: float) -> float:
    """The share of looks whose 95 % interval leaves out 0; seeds take the stacks in turn."""
    rng = np.random.default_rng(0)
    of_stack = share * rng.normal(size=(stacks, LOOKS))
    gains = rng.normal(size=(seeds, LOOKS)) + of_stack[np.arange(seeds) % stacks]
    return float(np.mean(abs(gains.mean(axis=0)) > half_interval(gains)))


def main() -> None:
    """Print a table, a line for each number of seeds and stacks."""
    print("| seeds | stacks |", *(f"{share:g} |" for share in SHARES))
    print("| -: | -: |", *("-: |" for _ in SHARES))
    for seeds, shared in product((5, 10), (1, 2, None)):
        stacks = shared or seeds
        found = [f"{100 * false_verdicts(seeds, stacks, share):.1f} % |" for share in SHARES]
        print(f"| {seeds} | {stacks} |", *found)


if __name__ == "__main__":
    main()
