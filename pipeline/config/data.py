"""Which rows a run reads and how they are split and scaled."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, PositiveFloat

from pipeline.config.part import Number, Part, RowsOrShare, rule
from pipeline.config.reading import Reading


class Splitting(Part):
    """Which columns and labels count, and how rows are split and scaled."""

    label: str | tuple[str, ...] | None = Field(
        None,
        description="The column of a .csv or .parquet file that holds the target; of a multi-label "
        "task the columns, each 0 or 1. An .npz file keeps them in the array `y`.",
    )
    unlabelled: str | None = Field(
        None,
        description="A target value that means that a row has no label, besides an empty or NaN "
        "one. Such rows serve pretraining only.",
    )
    ignore: tuple[str, ...] = Field((), description="Columns to leave out.")
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
    holdout: Literal["drawn", "stable"] = Field(
        "drawn",
        description="How test rows are held out: `drawn` by class, as many as `test` says, anew "
        "when rows come or go; or `stable`, by each row's own values, so that a row that is held "
        "out stays so and never pretrains, with a label or without: the share is then kept on "
        "average only.",
    )
    validation: RowsOrShare = Field(
        0.15,
        description="Rows held out of what remains, by number or share, to choose the encoder's "
        "rate and the checkpoint in every arm alike.",
    )
    scaling: Literal["auto", "none", "global", "minmax", "standard"] = Field(
        "auto",
        description="Fitted on training rows: `global` maps the least and greatest value of all "
        "columns to [0, 1] (images), `minmax` does it column by column, `standard` gives each "
        "column mean 0 and standard deviation 1; `auto` is `global` for arrays and images, "
        "`standard` for tables.",
    )

    @rule
    def _a_stable_share(self) -> Iterator[str]:
        if self.holdout == "stable" and isinstance(self.test, int):
            yield (
                "holdout: stable needs test as a share of the rows, for their number changes. "
                f"Given: {self.test}."
            )


class DataConfig(Splitting, Reading):
    """Which rows, which target, and how they are split and scaled."""

    source: str = Field(
        "digits",
        description="A built-in name (digits, fashion_mnist, mnist, cifar10), a file (.npz, .npy, "
        ".csv, .parquet) or a folder: of IDX files, of .npy files (x, y), of TFRecord shards.",
    )
    unlabelled_rows: str | None = Field(
        None,
        description="A second source with more rows of the same columns and without labels: they "
        "serve pretraining only. Tables are matched by column name.",
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

    @property
    def memory_bytes(self) -> int:
        """The memory for the rows, in bytes."""
        return int(self.memory * 2**30)

    def splitting(self) -> Splitting:
        """What decides the prepared rows, beside the source's values."""
        return Splitting(**{name: getattr(self, name) for name in Splitting.model_fields})
