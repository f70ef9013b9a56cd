"""Lines with absurdly many cells: DuckDB takes minutes to reject one, a cell after the other."""

import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.data.sources.tables.opening.plain import BLOCK, LONGEST, opened

LONG = 2**14
"""Bytes of a line above which its cells are counted."""
SURPLUS = 1_000
"""Cells that a line may have above twice as many as the table has columns."""


def surplus_of(file: Path, delimiter: str, quote: str, columns: int) -> tuple[int, int] | None:
    """The first line of a UTF-8 file with far too many cells: its number, and how many it has."""
    sign, mark = delimiter.encode(), re.escape(quote.encode() or b'"')
    quoted = re.compile(mark + b"[^" + mark + b"]*" + mark)
    most = 2 * columns + SURPLUS
    for number, line in _long_lines(file):
        if line.count(sign) > most and (cells := quoted.sub(b"", line).count(sign) + 1) > most:
            return number, cells
    return None


def _long_lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of each, up to one that DuckDB refuses for its length."""
    number, rest = 1, b""
    with opened(file) as stream:
        while (block := stream.read(BLOCK)) and len(rest) < LONGEST:
            block = rest + block
            end = block.rfind(b"\n") + 1
            if _has_long(block, end):
                for place, line in enumerate(block[:end].split(b"\n"), number):
                    if len(line) > LONG:
                        yield place, line
            number += block.count(b"\n")
            rest = block[end:]
    if len(rest) > LONG:
        yield number, rest


def _has_long(lines: bytes, until: int) -> bool:
    """Looks for the last end of a line within reach, and goes on from there."""
    start = 0
    while start + LONG < until:
        end = lines.rfind(b"\n", start, start + LONG + 1)
        if end < 0:
            return True
        start = end + 1
    return False
