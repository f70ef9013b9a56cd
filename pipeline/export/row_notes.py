"""What people are told of rows that a model is applied to: what it cannot know or read."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from pipeline.data.source import Column

LISTED = 5
MOST = 10_000
"""Values that a model does not know, of one column, that are told apart."""


class RowNotes:
    """Of each column whether the model knows its categories, and whether it has any value.

    Arguments:
      columns: those that the model reads.
      vocabularies: the values of the category columns that it tells apart.
    """

    def __init__(self, columns: Sequence[Column], vocabularies: Mapping[str, Sequence[str]]):
        self._columns = [
            _Known(column.name, vocabularies[column.name])
            if column.is_category
            else _Given(column.name)
            for column in columns
        ]

    def add(self, numbers: np.ndarray, categories: np.ndarray) -> None:
        """Look at more rows: numbers (rows, number columns), text (rows, category columns)."""
        of_numbers, of_categories = iter(numbers.T), iter(categories.T)
        for column in self._columns:
            column.add(next(of_categories if isinstance(column, _Known) else of_numbers))

    def notes(self) -> Iterator[str]:
        """Of all rows that were looked at."""
        for column in self._columns:
            yield from column.notes()


class _Given:
    """A column of numbers."""

    def __init__(self, name: str):
        self.name = name
        self.rows = self.given = 0

    def add(self, values: np.ndarray) -> None:
        self.rows += len(values)
        self.given += int((~np.isnan(values)).sum())

    def notes(self) -> Iterator[str]:
        if self.rows and not self.given:
            yield (
                f"Column {self.name!r} has no value that the model can read: every cell of it "
                "counts as missing."
            )


class _Known(_Given):
    """A column of categories."""

    def __init__(self, name: str, vocabulary: Sequence[str]):
        super().__init__(name)
        self.vocabulary = [*vocabulary]
        self.unknown = 0
        self.different: set[str] = set()
        self.more = False

    def add(self, values: np.ndarray) -> None:
        distinct, counts = np.unique(values, return_counts=True)
        unknown = (distinct != "") & ~np.isin(distinct, self.vocabulary)
        self.rows += len(values)
        self.given += int(counts[distinct != ""].sum())
        self.unknown += int(counts[unknown].sum())
        different = self.different.union(distinct[unknown].tolist())
        self.more |= len(different) > MOST
        self.different = {*sorted(different)[:MOST]}

    def notes(self) -> Iterator[str]:
        if self.unknown:
            yield self._told()
        yield from super().notes()

    def _told(self) -> str:
        listed = ", ".join(map(repr, sorted(self.different)[:LISTED]))
        if (others := len(self.different) - LISTED) > 0:
            listed += f" and {'more than ' if self.more else ''}{others} more"
        if self.unknown == self.given:
            return (
                f"Column {self.name!r} has no value that the model knows, but {listed}. Is it the "
                "column that the model learned from, written as it was?"
            )
        return (
            f"Column {self.name!r} has {self.unknown} of {self.given} values that the model does "
            f"not know: {listed}. They count as none of its categories."
        )
