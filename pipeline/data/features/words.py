"""What is made of each column, in words."""

from collections.abc import Iterator

import numpy as np

from pipeline.data.features.preprocessing import Preprocessing
from pipeline.data.source import Column


def becomes(preprocessing: Preprocessing) -> list[str]:
    """A phrase for each column, in the order of the source: how its values become features."""
    numbers = iter(range(len(preprocessing.offset)))
    vocabularies = iter(preprocessing.vocabularies)
    return [
        f"{len(next(vocabularies)):,} features, one for a value"
        if column.is_category
        else ", ".join(_of_number(preprocessing, column, next(numbers)))
        for column in preprocessing.columns
    ]


def _of_number(made: Preprocessing, column: Column, n: int) -> Iterator[str]:
    offset, scale = made.offset[n], made.scale[n]
    if n in made.quantiles.positions:
        yield "quantiles to normal"
    elif (offset, scale) == (0, 1):
        yield "as it is"
    elif column.kind == "date":
        yield "elapsed time"
    else:
        yield f"(it - {offset:.4g}) / {scale:.4g}".replace("- -", "+ ")
    if pieces := np.count_nonzero(made.pieces.positions == n):
        yield f"{pieces} pieces"
    if cycles := [cycle.name for cycle in made.cycles if cycle.position == n]:
        yield f"place in the {' and '.join(cycles)}"
    if n in made.indicated:
        yield f"missing: {_plain(made.fill[n], column)} and a flag"


def _plain(value: np.float64, column: Column) -> str:
    if column.kind == "date":
        return str(np.datetime64(int(value), "s"))
    return f"{value:.4g}"
