"""The UFLDL tutorial's stacked sparse autoencoder beside the figures it published on MNIST.

Source: http://ufldl.stanford.edu/wiki/, "Exercise: Implement deep networks for digit
classification"

Usage: python -m benchmarks.reproduce.ufldl [fashion_mnist | mnist]
"""

import sys
from pathlib import Path

from benchmarks.reproduce.before_and_after import before_and_after
from benchmarks.running import layerwise_run

CONFIG = Path(__file__).with_suffix(".yaml").resolve()
DIFFERENCES = """
What is different: Adam in batches of 256 for 60 epochs instead of L-BFGS on all rows for 400
iterations; no weight decay in pretraining; the rows' mean activation is that of a batch; codes are
standardised before the head; 1,000 of the 60,000 labels choose checkpoint and encoder's rate.
"""


def main(source: str) -> None:
    """Run it on one data set and print the table."""
    found = layerwise_run("reproduce", CONFIG, "--data", source)
    before_and_after(found, "784-200-200-10", ("87.7 (MNIST)", "97.6 (MNIST)"), "0.1")
    print(DIFFERENCES)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "fashion_mnist")
