"""How each table of a folder is opened as it comes, its last column the target.

Usage: python -m benchmarks.tables.opened FOLDER > benchmarks/results/opened-tables.md
"""

import sys
from collections import defaultdict
from pathlib import Path

from pipeline.config.data import DataConfig
from pipeline.config.task import AutoTask
from pipeline.data.sources.read import read
from pipeline.data.sources.tables.opening.files import is_table
from pipeline.data.target import with_target
from pipeline.errors import InputError

KINDS = ("number", "boolean", "date", "category")


def row(file: Path) -> str:
    """A line of the table: the file, its rows, its target and the columns of each kind."""
    config = DataConfig(source=str(file), label="-1")
    try:
        source = with_target(read(config), AutoTask(), config)
    except InputError as error:
        return f"| {file.name} | refused: {' '.join(str(error).split())} | | | | | | |"
    assert source.task
    positions = defaultdict(list)
    for column in source.looked_at:
        name = column.name.removeprefix("column")
        positions[column.kind].append(name)
    cells = [_listed(positions.pop(kind, [])) for kind in KINDS]
    left = "; ".join(f"{_listed(names)} ({kind})" for kind, names in positions.items())
    return f"| {file.name} | {source.rows:,} | {source.task.kind} | {' | '.join(cells)} | {left} |"


def _listed(names: list[str]) -> str:
    """Names, numbers that follow each other as 2-9."""
    found: list[str] = []
    start = 0
    for place in range(1, len(names) + 1):
        follows = place < len(names) and names[place].isdigit() and names[place - 1].isdigit()
        if follows and int(names[place]) == int(names[place - 1]) + 1:
            continue
        length = place - start
        found += [f"{names[start]}-{names[place - 1]}"] if length > 2 else names[start:place]
        start = place
    return ", ".join(found)


def main() -> None:
    """Print the table."""
    print("| file | rows | target | numbers | true or false | dates | categories | left out |")
    print("| - | - | - | - | - | - | - | - |")
    for file in sorted(Path(sys.argv[1]).iterdir()):
        if is_table(str(file)):
            print(row(file))


if __name__ == "__main__":
    main()
