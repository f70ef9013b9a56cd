"""Writes a sheet of a spreadsheet as text, in a process of its own: a bomb ends that one alone.

A kilobyte can say that a sheet has 17,000,000,000 cells, and calamine makes room for all.

Usage: python -I sheet.py FILE COPY MEMORY DISK [SHEET]
"""

import csv
import json
import resource
import sys
from itertools import islice
from pathlib import Path
from typing import Any

from python_calamine import CalamineWorkbook


def written(file: str, copy: str, sheet: str | None) -> dict[str, Any]:
    """Write the sheet that is named, or the only one with cells; the names of all and of those."""
    book = CalamineWorkbook.from_path(file)
    names = book.sheet_names
    if sheet is None:
        filled = [name for name in names if book.get_sheet_by_name(name).total_height]
        if len(filled) != 1:
            return {"names": names, "filled": filled}
        (sheet,) = filled
    if sheet in names:
        cells = book.get_sheet_by_name(sheet)
        above = cells.start[0] if cells.start else 0
        with Path(copy).open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            for row in islice(cells.iter_rows(), above, None):
                writer.writerow([_cell(value) for value in row])
    return {"names": names, "filled": [sheet]}


def _cell(value: object) -> object:
    """A cell as text: whole numbers without a point, as a spreadsheet shows them."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def main(file: str, copy: str, memory: str, disk: str, sheet: str | None = None) -> None:
    """Print what was found as JSON."""
    for limit, given in ((resource.RLIMIT_AS, int(memory)), (resource.RLIMIT_FSIZE, int(disk))):
        _, hard = resource.getrlimit(limit)
        most = given if hard == resource.RLIM_INFINITY else min(given, hard)
        resource.setrlimit(limit, (most, most))
    try:
        found = written(file, copy, sheet)
    except Exception as error:  # calamine has a class of errors for each kind of file
        found = {"error": f"{error}" or type(error).__name__}
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
