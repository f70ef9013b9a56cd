"""What is read as a whole must fit in memory: refused by the size that a file announces."""

import os
from pathlib import Path

from pipeline.errors import InputError

CONTAINER_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),  # cgroup 2; "max" is no limit
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),  # cgroup 1
)
COPIES = 4  # as read, checked, as float32 and scaled


def check_fits(values: int, itemsize: int, where: str) -> None:
    """Raise `InputError` when `values` values of `itemsize` bytes are more than memory can hold.

    A value takes four bytes (float32) at least, and about four copies live at a time.
    """
    needed = values * max(itemsize, 4) * COPIES
    if needed > memory():
        raise InputError(
            f"Rows must fit in memory. {where} announces {values:,} values of {itemsize} bytes, "
            f"for which about {_gigabytes(needed)} are needed; this machine has "
            f"{_gigabytes(memory())}. Give fewer rows or columns, or a folder with x.npy and "
            "y.npy: rows that need more than data.memory are then read block by block."
        )


def memory() -> int:
    """The bytes of memory that this process may have: the machine's, or a container's share."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [file.read_text().strip() for file in CONTAINER_LIMITS if file.is_file()]
    return min([machine, *(int(limit) for limit in limits if limit.isdigit())])


def _gigabytes(number: int) -> str:
    return f"{number / 2**30:,.1f} GiB"
