"""Output in encodings that have not all our characters, such as ASCII."""

import codecs
import sys
from io import TextIOWrapper

PLAIN = str.maketrans({"±": "+/-", "≤": "<=", "≥": ">=", "…": "...", "→": "->", "−": "-"})


def print_in_any_encoding() -> None:
    """From now on what the output's encoding has not is written in other characters."""
    codecs.register_error("plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # there may be none
            stream.reconfigure(errors="plain")


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(PLAIN)
    return text.encode("ascii", "replace").decode(), error.end
