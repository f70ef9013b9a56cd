"""How much the gains of two seeds have in common where each seed splits the same rows anew."""

from typing import NamedTuple


class Resplit(NamedTuple):
    """Rows of a split of the labelled rows that is drawn anew for each seed, always so many."""

    test: float
    train: float
    labelled: float
    """All of them: to train, to validate and to test on."""

    def correlation(self, labels: float) -> float:
        """Of two seeds' gains at a label budget: test / labelled x root of (labels / train).

        Two splits have so many test rows in common, test / labelled of each, and with all labels
        that is what Nadeau and Bengio (2003) take for the correlation. They assume models that see
        nearly all rows. Of a budget two seeds see other rows, so that their models, and what the
        common test rows say of them, differ the more, the smaller it is. In simulation the root
        gives the shortest intervals that hold the truth (benchmarks/results/statistics.md).
        """
        return self.test / self.labelled * min(1.0, labels / self.train) ** 0.5
