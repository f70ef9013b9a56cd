"""What a Parquet file announces, read so that a damaged one raises one kind of error."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import InputError

COUNT_VALUES = Path(__file__).with_name("parquet_values.py")


@contextmanager
def damaged_parquet(path: Path) -> Iterator[None]:
    """PyArrow raises errors of many types for damaged bytes: all become one."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{path.name} cannot be read as Parquet: {error}. It may be cut short. Write it again."
        ) from error


def is_row_index(name: str) -> bool:
    """Whether pandas keeps an unnamed row index in a column of this name: it is no feature."""
    return name.startswith("__index_level_")


def count_values(path: Path) -> int:
    """How many values a Parquet file announces. Raises `ValueError` when that is not known."""
    command = [sys.executable, "-I", str(COUNT_VALUES), str(path)]
    counted = subprocess.run(command, capture_output=True, text=True)
    if counted.returncode:
        last_line = counted.stderr.strip().rpartition("\n")[2]
        raise ValueError(last_line.strip().removeprefix("what():").strip())
    return int(counted.stdout)
