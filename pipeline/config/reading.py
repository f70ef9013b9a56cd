"""How the files of a table are read, where that is not to be found out from what is in them."""

from typing import Literal

from pydantic import Field

from pipeline.config.part import Part


class Reading(Part):
    """What is said of a table. It decides values and kinds of columns, which stand for it."""

    query: str | None = Field(
        None,
        description="One SELECT over the files of the source, in DuckDB's SQL; each file is a "
        "table called as the file is, without the suffix. What it gives is what is read.",
    )
    header: bool | Literal["auto"] = Field(
        "auto", description="Whether the first line of a text file holds the columns' names."
    )
    sheet: str | None = Field(None, description="Of a spreadsheet with several: its name.")
    bad_rows: Literal["refuse", "skip"] = Field(
        "refuse", description="What to do about lines with more or fewer cells than the others."
    )
    missing_values: tuple[str, ...] = Field(
        (
            *("nan", "na", "n/a", "n.a.", "null", "none", "nil", r"\N", "?", "-", "--", "."),
            *("#n/a", "#div/0!", "#value!", "#ref!", "#name?", "#num!", "#null!"),
            *("#nv", "#wert!", "#bezug!", "#zahl!", "#valeur!", "#nombre!"),
        ),
        description="Cells that mean a missing value, in whatever case, besides empty ones.",
    )
    numeric: tuple[str, ...] = Field(
        (),
        description="Columns of a table to be taken for numbers: identifiers, row numbers, codes. "
        "Cells that are none are missing.",
    )
    boolean: tuple[str, ...] = Field(
        (), description="Columns of a table to be taken for true or false (yes, no, 1, 0, ...)."
    )
    dates: tuple[str, ...] = Field((), description="Columns of a table to be taken for dates.")
    day_first: bool = Field(
        True, description="Whether 03/04/2020 is the third of April, where both are possible."
    )
    decimal: Literal["auto", ".", ","] = Field(
        "auto", description="The decimal mark of a table's numbers: 1,037 is either 1037 or 1.037."
    )
    strict: bool = Field(
        False,
        description="Refuse a table about which something would have to be decided: columns left "
        "out, cells that do not fit, lines skipped.",
    )
