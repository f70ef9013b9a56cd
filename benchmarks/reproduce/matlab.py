"""The architecture of the MATLAB tutorial on stacked autoencoders, on scikit-learn's digits.

Source: https://www.mathworks.com/help/deeplearning/ug/, "Train Stacked Autoencoders for Image
Classification"

Usage: python -m benchmarks.reproduce.matlab
"""

from pathlib import Path

from benchmarks.reproduce.before_and_after import before_and_after
from benchmarks.running import layerwise_run

CONFIG = Path(__file__).with_suffix(".yaml").resolve()
PIXELS, THEIR_PIXELS = 64, 784
DIFFERENCES = """
What is different: scikit-learn's 1,797 scanned digits of 8 x 8 pixels, of which 20 % are test rows,
instead of MathWorks' 5,000 + 5,000 synthetic ones of 28 x 28; Adam in batches of 64 instead of
scaled conjugate gradients on all rows; no weight decay in pretraining (there 0.004 and 0.002);
codes are standardised before the head; 15 % of the labels choose checkpoint and encoder's rate.
The tutorial gives its accuracies as pictures of confusion matrices, not as text.
"""


def main() -> None:
    """Run it and print the table."""
    # Half of the weight of 4, because the squared distance is halved.
    for weight, what in (
        (2.0, "the tutorial's weight, 4"),
        (2.0 * PIXELS / THEIR_PIXELS, "level 1: 4 x 64 / 784, the same for each pixel"),
    ):
        setting = f"stack.0.sparsity.weight={weight}"
        found = layerwise_run("reproduce", CONFIG, "--set", setting)
        before_and_after(found, f"64-100-50-10, {what}", ("-", "-"), "0.15 and 0.1")
    print(DIFFERENCES)


if __name__ == "__main__":
    main()
