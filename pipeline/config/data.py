"""Which rows a run reads and how they are split and scaled."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveFloat

from pipeline.config.part import Number, Part, RowsOrShare, rule
from pipeline.config.reading import Reading
from pipeline.credentials import secret_in

ROLES = ("split", "group", "time")
"""Keys that name a column which says how rows are split."""
NO_FEATURES = (*ROLES, "weight")
"""Keys that name a column which is no feature, unless a key of kinds names it too."""
SOURCES = ("source", "unlabelled_rows", "noisy_rows")
"""Keys that say where rows are read from."""


class Splitting(Part):
    """Which columns and labels count, and how rows are split and scaled."""

    label: str | tuple[str, ...] | None = Field(
        None,
        description="The column of a .csv or .parquet file that holds the target; of a multi-label "
        "task the columns, each 0 or 1. `[]`: none, as by default where anomalies are to be found. "
        "An .npz file keeps them in the array `y`.",
    )
    unlabelled: str | None = Field(
        None,
        description="A target value that means that a row has no label, besides an empty or NaN "
        "one. Such rows serve pretraining only.",
    )
    ignore: tuple[str, ...] = Field((), description="Columns to leave out.")
    split: str | None = Field(
        None,
        description="A column that says `train`, `validation` or `test` of every row. A part that "
        "it does not name is held out of the training rows.",
    )
    group: str | None = Field(
        None,
        description="A column that says which rows are of one thing, such as a patient: no group "
        "is on two sides of a split. An identifier makes each row a group of its own.",
    )
    time: str | None = Field(
        None,
        description="A column of dates or numbers: the latest rows test, the ones before validate, "
        "and none that is as late pretrains.",
    )
    weight: str | None = Field(
        None,
        description="A column of numbers, 0 or greater, that says how much each labelled row "
        "counts: in the loss of fine-tuning, in the metrics and in the reference models that can "
        "weigh rows. Predictions do not need it.",
    )
    categorical: tuple[str, ...] = Field(
        (), description="Columns to be taken for categories, whatever is in them."
    )
    max_levels: Number = Field(
        100,
        description="Values of a category column that are told apart; rarer ones are as one.",
    )
    missing: Literal["refuse", "impute"] = Field(
        "impute",
        description="What to do about missing values: refuse the data, or impute the training "
        "rows' median (numbers) or a category of its own (text).",
    )
    test: RowsOrShare = Field(
        0.2,
        description="Test rows, by number or share, held out by class. A source that brings its "
        "own test rows keeps those.",
    )
    holdout: Literal["auto", "drawn", "stable"] = Field(
        "auto",
        description="How rows are held out: `drawn` by class, as many as `test` and `validation` "
        "say, anew when rows come or go; or `stable`, by each row's own values or its `group`, so "
        "that a row that is held out stays so and never pretrains, with a label or without: the "
        "shares are then kept on average only. `auto` is `stable` from 2,000 rows on, where both "
        "are shares.",
    )
    resplit: bool = Field(
        False,
        description="Split the rows anew for each seed of fine-tuning, which then has a stack of "
        "its own split too: for small tables, of which one test split is luck. Intervals allow for "
        "the rows that splits share.",
    )
    validation: RowsOrShare = Field(
        0.15,
        description="Rows held out of what remains, by number or share, to choose the encoder's "
        "rate and the checkpoint in every arm alike.",
    )
    scaling: Literal["auto", "none", "global", "minmax", "standard", "quantile"] = Field(
        "auto",
        description="Fitted on training rows: `global` maps the least and greatest value of all "
        "columns to [0, 1] (images), `minmax` does it column by column, `standard` gives each "
        "column mean 0 and standard deviation 1, `quantile` takes columns of numbers with more "
        "than 20 different values through their quantiles to a normal distribution and is "
        "`standard` for all others; `auto` is `global` for arrays and images, `quantile` for "
        "tables, and `standard` for both where anomalies are to be found.",
    )

    pieces: NonNegativeInt | Literal["auto"] = Field(
        "auto",
        description="Columns of numbers with more than 20 different values are also given in so "
        "many pieces, between quantiles of the training rows: how much of each range a number has "
        "passed (Gorishniy et al. 2022). 0 for none; `auto` is 8 where numbers go through their "
        "quantiles and at most 100 columns do, else 0.",
    )

    @rule
    def _a_stable_share(self) -> Iterator[str]:
        for name in ("test", "validation"):
            if self.holdout == "stable" and isinstance(rows := getattr(self, name), int):
                yield (
                    f"holdout: stable needs {name} as a share of the rows, for their number "
                    f"changes. Given: {rows}."
                )

    @rule
    def _what_is_fixed_is_not_drawn(self) -> Iterator[str]:
        fixed = [name for name in ("split", "time") if getattr(self, name)]
        fixed += ["holdout: stable"] if self.holdout == "stable" else []
        if self.resplit and fixed:
            yield (
                "resplit draws test and validation rows anew for each seed. Given with it: "
                f"{', '.join(fixed)}, which fixes them. Leave one out."
            )

    @rule
    def _one_way_to_split(self) -> Iterator[str]:
        if len(given := [name for name in ("split", "group", "time") if getattr(self, name)]) > 1:
            yield f"{' and '.join(given)} each say how rows are split. Leave one of them."


class DataConfig(Splitting, Reading):
    """Which rows, which target, and how they are split and scaled."""

    source: str = Field(
        "digits",
        description="A built-in name (digits, fashion_mnist, mnist, cifar10), a file (.npz, .npy, "
        ".csv, .parquet) or a folder: of IDX files, of .npy files (x, y), of TFRecord shards. Or "
        "their address: s3://, gs://, https://.",
    )
    unlabelled_rows: str | None = Field(
        None,
        description="A second source with more rows of the same columns and without labels: they "
        "serve pretraining only. Tables are matched by column name.",
    )
    noisy_rows: str | None = Field(
        None,
        description="A second source with the same rows in the same order, as they are with their "
        "noise: what is learned to be taken off, in place of `task.noise`. Tables are matched by "
        "column name.",
    )
    memory: PositiveFloat = Field(
        8.0,
        description="GiB of memory for the rows. Those that need more, with the copies that "
        "training makes of them, stay on disk and are read and shuffled block by block.",
    )

    distance_bound: PositiveFloat = Field(
        0.5,
        description="A column that lies farther than this from the experiment's last run is named "
        "in a note: standard deviations of a number, or the share of rows whose category moved.",
    )

    @rule
    def _nothing_secret(self) -> Iterator[str]:
        for name in SOURCES:
            if message := secret_in(getattr(self, name) or ""):
                yield f"{name}: {message}"

    @rule
    def _every_row_has_its_noisy_one(self) -> Iterator[str]:
        if self.noisy_rows is not None and self.unlabelled_rows is not None:
            yield (
                "noisy_rows has as many rows as the source, and unlabelled_rows adds some. Given: "
                f"{self.noisy_rows} and {self.unlabelled_rows}. Leave one out."
            )

    @property
    def memory_bytes(self) -> int:
        """The memory for the rows, in bytes."""
        return int(self.memory * 2**30)

    def splitting(self) -> Splitting:
        """What decides the prepared rows, beside the source's values."""
        return Splitting(**{name: getattr(self, name) for name in Splitting.model_fields})
