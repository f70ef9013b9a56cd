"""What every part of the config tree shares: frozen, unknown keys forbidden, values storable."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

Share = Annotated[float, Field(gt=0, lt=1)]
# Strict: 1.0, which looks like all rows, is not taken for one row.
Number = Annotated[int, Field(gt=0, strict=True)]
RowsOrShare = Annotated[Number | Share, Field(union_mode="left_to_right")]

VALUES = ConfigDict(allow_inf_nan=False, coerce_numbers_to_str=True)
"""How values are read: where text is asked for, such as a column's name or number, YAML's 3 is "3".
"""
MAX_NAME = 100
"""Characters: it names files and columns of databases."""
CONTRADICTION = "contradiction"
"""The type of pydantic's error for values that are each valid but do not go together."""


Rule = TypeVar("Rule", bound=Callable[..., Iterable[str]])


def rule(method: Rule) -> Rule:
    """Mark a method of a part that gives a message for each contradiction between its values.

    One rule a method: where a value is wrong by itself, so that to read it raises
    `AttributeError`, the rules that need it are left out and the others are still looked at.
    """
    method.is_rule = True  # type: ignore[attr-defined]
    return method


class Part(BaseModel):
    """A part of the config tree."""

    model_config = ConfigDict(frozen=True, extra="forbid", **VALUES)

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

    @model_validator(mode="after")
    def _without_contradiction(self) -> Self:
        if messages := [message for check in self.rules() for message in check()]:
            raise PydanticCustomError(CONTRADICTION, "{text}", {"text": "\n".join(messages)})
        return self

    def rules(self) -> list[Callable[[], Iterable[str]]]:
        """The part's rules, in the order in which they are written."""
        members = [pair for base in type(self).__mro__ for pair in vars(base).items()]
        return [getattr(self, name) for name, member in members if hasattr(member, "is_rule")]

    def known(self, *fields: str) -> bool:
        """Whether these fields have values: wrong ones are left out to look for contradictions."""
        return all(field in self.__dict__ for field in fields)
