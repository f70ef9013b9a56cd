"""What every part of the config tree shares: frozen, unknown keys forbidden, values storable."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

Share = Annotated[float, Field(gt=0, lt=1)]
# Strict: 1.0, which looks like all rows, is not taken for one row.
Number = Annotated[int, Field(gt=0, strict=True)]
RowsOrShare = Annotated[Number | Share, Field(union_mode="left_to_right")]

LONGEST_NAME = 100
"""Characters: it names files and columns of databases."""


class Part(BaseModel):
    """A part of the config tree."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _can_be_stored(cls, value: Any) -> Any:
        """No store, file system or tensor takes other numbers and other text."""
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, int) and part >= 2**31:
                raise ValueError(f"numbers must be less than {2**31}. Given: {part}.")
            if isinstance(part, str) and (
                "\0" in part or any("\ud800" <= c <= "\udfff" for c in part)
            ):
                raise ValueError(
                    f"text must be Unicode, without the character NUL. Given: {part!r}."
                )
        return value
