"""Text that is written again before DuckDB reads it, since it would take it for another table.

Columns are parted by spaces or a rare sign, lines end with a separator, or R wrote them: it has no
name for the column of row names, so that the first line is one cell short.
"""

import csv
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import count, islice
from pathlib import Path

from pipeline.data.sources.tables.opening.dialect import Dialect, Header, is_number
from pipeline.data.sources.tables.opening.plain import PACKED, TEXT, copy_in, in_utf8, lines_of

LOOKED_AT = 1_000
"""Lines by which it is decided."""
MOSTLY = 0.9
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_WORDS = re.compile(rf"(?:{_QUOTED.pattern})(?=\s|$)|\S+")
_PHRASES = re.compile(r"\S+(?: \S+)*")
"""Cells between which there are two spaces or more, of tables whose cells have several words."""
_PADDED = re.compile(r"\S(?:  |\t )")

SEPARATORS = ("::", "^", "~", "\x1f", "\x01", ":", "!")
"""That DuckDB does not look for."""

Respell = Callable[[Path, Path], Path]
"""Writes a file again in a folder."""


def respelling(file: Path, dialect: Dialect, header: Header = "auto") -> Respell | None:
    """How a file must be written again; None: it can be read as it is."""
    top = _top(file)
    if len(dialect.names) == 1 or dialect.delimiter in (" ", "\t"):
        several = [
            cells for cells in (_WORDS, _PHRASES) if max(_widths(top[1:], cells), default=0) > 1
        ]
        cells = max(several or [_WORDS], key=lambda cells: _share(_widths(top, cells)))
        if _is_by_spaces(top, _widths(top, cells), dialect):
            return partial(_by_commas, cells=cells)
        found = next((sign for sign in SEPARATORS if _is_by(sign, top)), None)
        if found and len(dialect.names) == 1:
            return partial(_by_separator, separator=found)
    with suppress(csv.Error):  # overlong cells
        if header is not False and _names_in_comment(top[0], dialect):
            return _without_sign
        rows = list(dialect.cells(top))
        if _ends_with_separator(rows):
            return partial(_without_end, separator=dialect.delimiter)
        if len(dialect.names) > 1 and _is_short([len(row) for row in rows]):
            return partial(_with_first_name, separator=dialect.delimiter)
    return None


def _is_by(separator: str, lines: Sequence[str]) -> bool:
    counts = {line.count(separator) for line in lines}
    return len(counts) == 1 and 0 not in counts


def _ends_with_separator(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the last cell of each line is empty, and has no name."""
    if len(rows) < 3 or len({len(row) for row in rows[1:]}) > 1 or len(rows[1]) < 2:
        return False
    names, *body = rows
    has_no_name = len(names) == len(body[0]) - 1 or not names[-1].strip()
    return has_no_name and not any(row[-1].strip() for row in body)


def _names_in_comment(first: str, dialect: Dialect) -> bool:
    """Whether the line above the rows is `# a,b,c`, as numpy.savetxt writes names."""
    if dialect.skip != 1 or dialect.header or not first.startswith("#"):
        return False
    names = [name.strip() for name in next(dialect.cells([first.lstrip("# ")]))]
    return len({*names} - {""}) == len(names) == len(dialect.names) > 1 and not any(
        map(is_number, names)
    )


def _top(file: Path) -> list[str]:
    with lines_of(file) as lines:
        return [line for line in islice(lines, LOOKED_AT) if line.strip()]


def _widths(lines: Sequence[str], cells: re.Pattern[str]) -> list[int]:
    return [len(cells.findall(line)) for line in lines]


def _share(widths: Sequence[int]) -> float:
    """Of the lines that have as many cells as the most."""
    body = widths[1:] if _is_short(widths) else widths
    return max(map(body.count, set(body)), default=0) / max(1, len(body))


def _is_short(widths: Sequence[int]) -> bool:
    """Whether the first line alone has a cell less than the others."""
    return len(widths) > 2 and {*widths[1:]} == {widths[0] + 1}


def _is_by_spaces(lines: Sequence[str], widths: Sequence[int], dialect: Dialect) -> bool:
    """Whether spaces part columns, better than the separator that was found."""
    width = max(set(widths), key=widths.count, default=0)
    if len(dialect.names) == 1:
        return width > 1 and _share(widths) >= MOSTLY
    padded = dialect.delimiter == " " or all(_PADDED.search(line) for line in lines[1:])
    return padded and _share(widths) == 1 and (width > len(dialect.names) or _is_short(widths))


def _by_commas(file: Path, folder: Path, cells: re.Pattern[str]) -> Path:
    if file.suffix.lower() in PACKED:
        file = in_utf8(file, "utf-8-sig", folder)
    widths = _widths(_top(file), cells)
    short = _is_short(widths)
    width = max(set(widths), key=widths.count)
    copy = copy_in(folder)
    with lines_of(file) as lines, copy.open("w", encoding=TEXT, newline="") as out:
        writer = csv.writer(out)
        rows = filter(None, map(cells.findall, lines))
        for number, row in enumerate(rows):
            if not number and row[0] == "#" and len(row) == width + 1:  # numpy.savetxt's names
                row = row[1:]
            bare = [cell[1:-1] if _QUOTED.fullmatch(cell) else cell for cell in row]
            writer.writerow(["", *bare] if short else bare)
            short = False
    return copy


def _by_separator(file: Path, folder: Path, separator: str) -> Path:
    def quoted(line: str) -> str:
        cells = line.rstrip("\n").replace('"', '""').split(separator)
        return '"' + '","'.join(cells) + '"\n'

    return _changed(file, folder, quoted)


def _without_end(file: Path, folder: Path, separator: str) -> Path:
    return _changed(file, folder, lambda line: line.rstrip(" \n").removesuffix(separator) + "\n")


def _without_sign(file: Path, folder: Path) -> Path:
    lines = count()
    return _changed(file, folder, lambda line: line if next(lines) else line.lstrip("# "))


def _with_first_name(file: Path, folder: Path, separator: str) -> Path:
    lines = count()
    return _changed(file, folder, lambda line: line if next(lines) else f'""{separator}{line}')


def _changed(file: Path, folder: Path, change: Callable[[str], str]) -> Path:
    if file.suffix.lower() in PACKED:
        file = in_utf8(file, "utf-8-sig", folder)
    copy = copy_in(folder)
    with lines_of(file) as lines, copy.open("w", encoding=TEXT, newline="") as out:
        out.writelines(map(change, lines))
    return copy
