"""Writes a sheet of a spreadsheet as text, in a process of its own.

A kilobyte can say that a sheet has 17,000,000,000 cells, and calamine makes room for all.
"""

import csv
from itertools import islice
from pathlib import Path
from typing import Any

from python_calamine import CalamineWorkbook

from pipeline.data.sources.tables.opening.apart import answering


def written(file: str, copy: str, sheet: str | None) -> dict[str, Any]:
    """Write the sheet that is named, or the only one with cells; the names of all and of those."""
    try:
        book = CalamineWorkbook.from_path(file)
        names = book.sheet_names
        filled = [sheet]
        if sheet is None:
            filled = [name for name in names if book.get_sheet_by_name(name).total_height]
        if len(filled) == 1 and filled[0] in names:
            _write(book, filled[0], Path(copy))
    except Exception as error:  # calamine has a class of errors for each kind of file
        return {"error": f"{error}" or type(error).__name__}
    return {"names": names, "filled": filled}


def _write(book: CalamineWorkbook, sheet: str, copy: Path) -> None:
    cells = book.get_sheet_by_name(sheet)
    above = cells.start[0] if cells.start else 0
    with copy.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        for row in islice(cells.iter_rows(), above, None):
            writer.writerow([_cell(value) for value in row])


def _cell(value: object) -> object:
    """A cell as text: whole numbers without a point, as a spreadsheet shows them."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


if __name__ == "__main__":
    answering(written)
