"""Text that is a table for people or for another program: what it is, and how to export it."""

import re
from itertools import islice
from pathlib import Path

from pipeline.data.sources.tables.opening.plain import lines_of
from pipeline.errors import InputError

LOOKED_AT = 200
"""Lines in which ARFF says what it is."""
_FRAME = re.compile(r"\+(-+\+)+\s*")
_RULE = re.compile(r"\s*\|?(\s*:?-+:?\s*\|)+(\s*:?-+:?\s*)?\s*")
_RELATION = re.compile(r"@relation\s", re.IGNORECASE)


def check_kind(file: Path, called: str) -> None:
    """Refuse what is no text of cells and separators.

    `called`: what people know the file by, which may be a copy.

    Raises:
        InputError: for ARFF, a table in a frame as MySQL prints it, and one of Markdown.
    """
    with lines_of(file) as lines:
        top = list(islice(lines, LOOKED_AT))
    if top and _FRAME.fullmatch(top[0]):
        kind, cure = "a table in a frame, as MySQL's client prints it", "mysql --batch writes tabs"
    elif any(_RELATION.match(line) for line in top):
        kind, cure = "ARFF", "scipy.io.arff.loadarff reads it, pandas writes CSV"
    elif len(top) > 1 and top[0].count("|") > 1 and _RULE.fullmatch(top[1]):
        kind, cure = "a table of Markdown", "leave out the line of dashes and the outer bars"
    else:
        return
    raise InputError(f"{called} is {kind}. Export it as CSV: {cure}.")
