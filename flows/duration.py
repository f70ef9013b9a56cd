"""Lengths of time as people write them: 45s, 15m, 1h30m, 1d."""

import re
import warnings
from contextlib import suppress
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from pipeline.errors import InputError

TimeLimitText = Annotated[str, Field(pattern=r"^\s*\d.*[a-zA-Z]\s*$")]
"""As it is a parameter of the flow: Prefect's form refuses what is none at first sight."""


def duration_of(text: str) -> timedelta:
    """The length of time; zero for a text that is none."""
    import pandas as pd

    length = timedelta(0)
    # pandas warns of d for days, and what it cannot tell ("nat") has no length.
    refused = suppress(ValueError, OverflowError, AttributeError)
    with refused, warnings.catch_warnings(action="ignore"):
        if re.search("[a-zA-Z:]", text):  # a bare number would be nanoseconds
            length = pd.Timedelta(text).to_pytimedelta()
    return length


def limit_seconds(text: str) -> float:
    """A time limit in seconds. Raises `InputError` for what is none."""
    seconds = duration_of(text).total_seconds()
    if seconds < 1:
        raise InputError(
            "A time limit needs a length of time of a second or more, such as 45s, 90m or 1h30m. "
            f"Given: {text!r}."
        )
    return seconds
