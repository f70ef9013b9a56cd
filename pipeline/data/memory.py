"""Rows must fit in memory: refused by the size that a file announces, before it is expanded."""

import os

from pipeline.errors import InputError

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
            f"{_gigabytes(memory())}. Give fewer rows or columns."
        )


def memory() -> int:
    """The bytes of memory that this machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _gigabytes(number: int) -> str:
    return f"{number / 2**30:,.1f} GiB"
