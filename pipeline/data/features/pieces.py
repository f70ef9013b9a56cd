"""Numbers in pieces: how much of each of its column's ranges a number has passed.

Piecewise-linear encoding with quantiles as bounds, Gorishniy, Rubachev & Babenko, "On Embeddings
for Numerical Features in Tabular Deep Learning" (2022), equation 1: a network of few levels can
bend at each bound, where of the number alone it must first learn where to bend.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from pipeline.data.features.operations import Operations


class Pieces(NamedTuple):
    """The ranges of all columns, column by column, from low to high.

    Attributes:
        positions: int64 (pieces,), of each piece's column among the columns of numbers.
        low: float64 (pieces,), in scaled units.
        high: float64 (pieces,), above `low`.
    """

    positions: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def passed(self, scaled: Any, library: Operations) -> Any:
        """Shares (rows, pieces) of scaled numbers (rows, number columns).

        0 below a piece and 1 above; the first and the last of a column go on beyond its numbers.
        """
        first = np.diff(self.positions, prepend=-1) != 0
        last = np.diff(self.positions, append=-1) != 0
        share = (library.columns(scaled, self.positions) - self.low) / (self.high - self.low)
        zero, one = np.zeros(len(first)), np.ones(len(first))
        share = library.where((share < 0) & ~first, zero, share)
        return library.where((share > 1) & ~last, one, share)

    @property
    def numbered(self) -> list[tuple[int, int, int]]:
        """Of each piece: its column, which one it is of that column, from 1, and of how many."""
        counted = zip(*np.unique(self.positions, return_counts=True), strict=True)
        return [
            (int(column), piece, int(count))
            for column, count in counted
            for piece in range(1, count + 1)
        ]

    def to_json(self) -> list[list[float]]:
        """A JSON-ready form, to the bit."""
        return [[int(at), float(low), float(high)] for at, low, high in zip(*self, strict=True)]

    @classmethod
    def from_json(cls, content: list[list[float]]) -> "Pieces":
        """What `to_json` gave, as it was."""
        positions, low, high = np.array(content, float).reshape(-1, 3).T
        return cls(positions.astype(np.int64), low, high)


NO_PIECES = Pieces(np.empty(0, np.int64), np.empty(0), np.empty(0))


def pieces_of(scaled: np.ndarray, positions: np.ndarray, number: int) -> Pieces:
    """So many pieces of each of the columns at `positions`, with equally many rows each.

    With equally many different values where so many rows have one value that bounds would coincide:
    a stack that reads the pieces serves other rows of the column too, whatever these repeat.

    `scaled` is float64 (rows, number columns), a sample of them; no column has one value alone.
    """
    found = []
    shares = np.linspace(0, 1, number + 1)
    for position in positions:
        bounds = np.unique(np.quantile(scaled[:, position], shares))
        if len(bounds) <= number:
            bounds = np.unique(np.quantile(np.unique(scaled[:, position]), shares))
        found += [[float(position), *ends] for ends in pairwise(bounds.tolist())]
    return Pieces.from_json(found)
