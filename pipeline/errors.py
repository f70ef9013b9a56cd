"""The one exception for input that cannot be used, and the nearest valid name."""

import difflib
from collections.abc import Iterable

LISTED = 30


class InputError(ValueError):
    """The data or the config cannot be used. The message says the rule, what was given, the cure.

    The command line prints it alone, without a traceback, and exits with status 2.
    """


def nearest(name: str, valid: Iterable[str]) -> str:
    """The end of a message about an unknown name: the closest valid one, then what is valid."""
    names = sorted(valid)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    guess = f" Did you mean {close[0]!r}?" if close else ""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{guess} Valid: {', '.join(names[:LISTED]) or '(none)'}{more}."
