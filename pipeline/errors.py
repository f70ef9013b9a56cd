"""The one exception for input that cannot be used, and the nearest valid name."""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

LISTED = 30
MAX_MESSAGE = 4000


class InputError(ValueError):
    """The data or the config cannot be used. The message says the rule, what was given, the cure.

    The command line prints it alone, without a traceback, and exits with status 2. Messages quote
    what was given: what a terminal would obey is escaped, and the middle of a very long one left
    out.

    Attributes:
        problems: what is wrong, one sentence or a few for each; one at least.
    """

    def __init__(self, *problems: str):
        self.problems = problems
        count = [f"{len(problems)} problems:"] if len(problems) > 1 else []
        message = "\n".join([*count, *problems])
        text = "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in message)
        if len(text) > MAX_MESSAGE:
            text = f"{text[: MAX_MESSAGE * 3 // 4]} ... {text[-MAX_MESSAGE // 5 :]}"
        super().__init__(text)


def raise_all(problems: Sequence[str]) -> None:
    """Raise one `InputError` that names every problem, if there is any."""
    if problems:
        raise InputError(*problems)


@contextmanager
def noted(problems: list[str]) -> Iterator[None]:
    """An `InputError` of this block is added to the problems instead of being raised."""
    try:
        yield
    except InputError as error:
        problems += error.problems


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def nearest(name: str, valid: Iterable[str]) -> str:
    """The end of a message about an unknown name: the closest valid one, then what is valid."""
    return nearest_of([name], valid)


def nearest_of(unknown: Iterable[str], valid: Iterable[str]) -> str:
    """The same about several unknown names."""
    names = sorted(valid)
    as_written = {valid_name.lower(): valid_name for valid_name in names}
    close = [
        repr(as_written[found])
        for name in unknown
        for found in difflib.get_close_matches(name.lower(), as_written, n=1, cutoff=0.5)
    ]
    guess = f" Did you mean {listed(close)}?" if close else ""
    return f"{guess} Valid: {listed(names) or '(none)'}."


def listed(names: Sequence[str]) -> str:
    """The first of these names, and how many more there are."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more
