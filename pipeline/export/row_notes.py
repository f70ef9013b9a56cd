"""What people are told of rows that a model is applied to: what it cannot know or read."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from pipeline.data.source import Column, RawRows

LISTED = 5


def row_notes(
    columns: Sequence[Column], vocabularies: Mapping[str, Sequence[str]], rows: RawRows
) -> Iterator[str]:
    """Of each column whether the model knows its categories, and whether it has any value.

    `vocabularies` are the values of the category columns that the model tells apart.
    """
    of_numbers, of_categories = iter(rows.numbers.T), iter(rows.categories.T)
    for column in columns:
        if column.is_category:
            values = next(of_categories)
            given = values != ""
            unknown = given & ~np.isin(values, list(vocabularies[column.name]))
            if unknown.any():
                yield _unknown(column.name, values[unknown], int(given.sum()))
        else:
            given = ~np.isnan(next(of_numbers))
        if len(given) and not given.any():
            yield (
                f"Column {column.name!r} has no value that the model can read: every cell of it "
                "counts as missing."
            )


def _unknown(name: str, values: np.ndarray, given: int) -> str:
    different = np.unique(values)
    listed = ", ".join(map(repr, different[:LISTED].tolist()))
    more = f" and {len(different) - LISTED} more" if len(different) > LISTED else ""
    if len(values) == given:
        return (
            f"Column {name!r} has no value that the model knows, but {listed}{more}. Is it the "
            "column that the model learned from, written as it was?"
        )
    return (
        f"Column {name!r} has {len(values)} of {given} values that the model does not know: "
        f"{listed}{more}. They count as none of its categories."
    )
