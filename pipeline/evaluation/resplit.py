"""How much the gains of two seeds have in common where each seed splits the same rows anew."""

from typing import NamedTuple


class Resplit(NamedTuple):
    """A split of the labelled rows, drawn anew for each seed; all splits have these sizes."""

    test: int
    train: int
    labelled: int
    """All of them: to train, to validate and to test on."""

    def correlation(self, labels: float) -> float:
        """Of two seeds' gains at a label budget: the share of the test rows that they have in
        common (Nadeau and Bengio 2003).
        """
        return self.test / self.labelled
