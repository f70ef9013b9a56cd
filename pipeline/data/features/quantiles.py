"""Numbers through their quantiles to a normal distribution: straight lines between knots, and back.

A perceptron learns little of a column of which most values lie close together and a few far out;
scikit-learn's `QuantileTransformer` is the same idea with ends that are cut off. Here a number
beyond those of training goes on by the logarithm of its distance, in standard deviations: far out
it would be most of what a network sees, and cut off it would look ordinary.
"""

from typing import Any, NamedTuple

import numpy as np

from pipeline.data.features.operations import Operations
from pipeline.data.rows.sample import sample
from pipeline.data.source import Source

FEW = 20
"""Different values up to which a column is left as it is: their order says all that there is."""
KNOTS = 256
"""At most, of each column."""
ROWS, VALUES = 100_000, 2**24
"""At most, of a random sample in which quantiles are looked for."""


class Quantiles(NamedTuple):
    """Strictly rising knots of each column that has them; the last is repeated where it has fewer.

    Attributes:
        positions: int64 (columns,), among the columns of numbers.
        numbers: float64 (columns, knots), in raw units.
        normal: float64 (columns, knots), what they become.
    """

    positions: np.ndarray
    numbers: np.ndarray
    normal: np.ndarray

    def applied(self, values: Any, scale: np.ndarray, library: Operations) -> Any:
        """Raw numbers (rows, columns) to normal ones; `scale` is their standard deviation."""
        inside, along = _along(values, self.numbers, self.normal, library)
        beyond = (values - inside) / scale
        return along + library.sign(beyond) * library.log1p(library.abs(beyond))

    def undone(self, values: Any, scale: np.ndarray, library: Operations) -> Any:
        """The way back."""
        inside, along = _along(values, self.normal, self.numbers, library)
        beyond = values - inside
        return along + library.sign(beyond) * library.expm1(library.abs(beyond)) * scale

    def to_json(self) -> list[dict[str, Any]]:
        """A JSON-ready form, to the bit."""
        return [
            {"position": int(position), "numbers": numbers.tolist(), "normal": normal.tolist()}
            for position, numbers, normal in zip(*self, strict=True)
        ]

    @classmethod
    def from_json(cls, content: list[dict[str, Any]]) -> "Quantiles":
        """What `to_json` gave, as it was."""
        if not content:
            return NO_QUANTILES
        names = ("position", "numbers", "normal")
        return cls(*(np.array([column[name] for column in content]) for name in names))


NO_QUANTILES = Quantiles(np.empty(0, np.int64), np.empty((0, 1)), np.empty((0, 1)))


def many_valued(source: Source, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers (sampled rows, number columns) of these rows, and which columns have many values.

    Dates have not: time goes on evenly, beyond the last training row too.
    """
    kinds = [column.kind for column in source.columns if not column.is_category]
    number = max(1, min(ROWS, VALUES // max(1, len(kinds))))
    values = source.numbers[np.sort(sample(rows, number, seed=0))].astype(np.float64)
    many = [
        position
        for position, kind in enumerate(kinds)
        if kind == "number" and len(np.unique(_present(values[:, position]))) > FEW
    ]
    return values, np.array(many, np.int64)


def quantiles_of(values: np.ndarray, positions: np.ndarray) -> Quantiles:
    """The quantiles of the columns at `positions`, as `values` (rows, number columns) have them."""
    if not len(positions):
        return NO_QUANTILES
    found = [_knots(_present(values[:, position])) for position in positions]
    width = max(len(numbers) for numbers, _ in found)
    numbers, normal = (
        np.stack([np.pad(knots, (0, width - len(knots)), "edge") for knots in of_columns])
        for of_columns in zip(*found, strict=True)
    )
    return Quantiles(positions, numbers, normal)


def _present(values: np.ndarray) -> np.ndarray:
    return values[~np.isnan(values)]


def _knots(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values and what they become: the normal quantile of the middle of the ranks of their rows."""
    from scipy.special import ndtri

    distinct, counts = np.unique(values, return_counts=True)
    after = np.cumsum(counts)
    normal = ndtri((after - counts / 2) / after[-1])
    evenly = np.searchsorted(after, np.linspace(0, after[-1], KNOTS))
    chosen = np.unique(np.concatenate([evenly, [0, len(distinct) - 1]]))
    return distinct[chosen], normal[chosen]


def _along(values: Any, xs: np.ndarray, ys: np.ndarray, library: Operations) -> tuple[Any, Any]:
    """The values, none beyond the knots, and what straight lines through (xs, ys) make of them."""
    inside = library.where(values > xs[:, 0], values, xs[:, 0])
    inside = library.where(inside < xs[:, -1], inside, xs[:, -1])
    after = library.after(xs, inside)
    x0, x1 = library.pick(xs, after - 1), library.pick(xs, after)
    y0, y1 = library.pick(ys, after - 1), library.pick(ys, after)
    share = (inside - x0) / library.where(x1 > x0, x1 - x0, 1.0)
    return inside, y0 + share * (y1 - y0)
