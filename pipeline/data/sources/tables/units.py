"""Units behind numbers, or before them, as money has them: 12 kg, 21 °C, $5, 3.7M."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pipeline.data.sources.tables import sql
from pipeline.data.sources.tables.opening.connection import literal

MOSTLY = 0.9
"""Of the cells that have a unit, the share that must have the same one."""
MOST = 5
"""Units that a column may have to be one of numbers, and not of codes."""
ASKED = 20
"""Spellings that are looked at."""
MAGNITUDES: Mapping[str, Mapping[str, float]] = {
    "k, M, B": {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9},
    "kB, MB, GB": {"B": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12},
}
"""Units that may stand in one column, and what each is worth. A small m may be a metre."""
CURRENCIES = (("$", "US$", "USD"), ("€", "EUR"), ("£", "GBP"))
"""Spellings of one."""
ORDINALS = ("st", "nd", "rd", "th")
ONE_LETTER = "kKMBmgshlL"
"""Units of one letter; beside each other, other letters are codes: seats 12A and 12B."""

_MONEY = rf"(?:{sql.MONEY}|%)"
_DIGITS = r"(?:\d[\d.,'\x{2019}\x{00A0}\x{202F} ]*|[.,]\d+)(?:[eE][+-]?\d+)?"
_UNIT = (
    rf"{sql.MONEY}|%|[\pL\x{{00B0}}\x{{2030}}](?:[^\s(),;]{{0,9}}[^\s(),;\x{{2212}}-])?"
    r"(?: \pL[^\s(),;]{0,9})?"
)
_SIGN = r"[+\x{2212}(-]?"
_END = r"[\x{2212})-]?$"
_MEASURED = rf"^{_SIGN}({sql.MONEY})?{sql.SPACE}*{_SIGN}{_DIGITS}{sql.SPACE}*({_UNIT})?{_END}"
OTHER = "in another unit"
"""What is made of such a cell: no number."""


class Units(NamedTuple):
    """What stands behind the numbers of a column.

    Attributes:
        unit: the one of all, or the magnitudes that all have; "" where there is none.
        several: others than that, each with the number of its cells.
    """

    unit: str = ""
    several: tuple[tuple[str, int], ...] = ()


NO_UNITS = Units()


def unit_in(text: str) -> str:
    """SQL for the unit of a cell, "" where it is no number with a unit."""
    found = [f"regexp_extract({text}, {literal(_MEASURED)}, {group})" for group in (1, 2)]
    return f"COALESCE(NULLIF({found[0]}, ''), {found[1]})"


def units_of(counts: Sequence[tuple[str, int]], given: int) -> Units:
    """What a column has whose units are these, each with its cells, of so many that are given."""
    alike: dict[tuple[str, ...], list[tuple[str, int]]] = {}
    for unit, cells in counts:
        alike.setdefault(tuple(spellings(unit)), []).append((unit, cells))
    totals = {same[0][0]: sum(cells for _, cells in same) for same in alike.values()}
    measured = sum(totals.values())
    if not totals or not {*totals}.isdisjoint(ORDINALS):
        return Units()
    unit = max(totals, key=lambda unit: totals[unit])
    if 2 * measured >= given:
        if totals[unit] >= MOSTLY * measured:
            return Units(unit)
        for name, worth in MAGNITUDES.items():
            if {*totals} <= {*worth}:
                return Units(name)
    elif not _is_money(totals):
        return Units()
    if 1 < len(totals) <= MOST and all(map(is_known, totals)):
        return Units(several=tuple(totals.items()))
    return Units()


def spellings(unit: str) -> dict[str, float]:
    """How a unit is spelt, in the singular too, and what each spelling is worth."""
    if unit in MAGNITUDES:
        return dict(MAGNITUDES[unit])
    for same in CURRENCIES:
        if unit in same:
            return dict.fromkeys(same, 1.0)
    one = unit.removesuffix("s")
    if len(one) > 1 and one.isalpha():
        return {one: 1.0, f"{one}s": 1.0}
    return {unit: 1.0}


def bare(text: str, unit: str) -> str:
    """SQL for a cell as text without its unit."""
    if not unit:
        return text
    one_of = _one_of(unit)
    before = rf"^([+\x{{2212}}(-]?){sql.SPACE}*{one_of}{sql.SPACE}*"
    after = rf"(\d[.,]?){sql.SPACE}*{one_of}([\x{{2212}})-]?)$"
    found = f"regexp_replace({text}, {literal(after)}, '\\1\\2')"
    if re.fullmatch(_python(sql.MONEY), unit):
        found = f"regexp_replace({found}, {literal(before)}, '\\1')"
    return f"CASE WHEN regexp_matches({found}, {literal(_MONEY)}) THEN '{OTHER}' ELSE {found} END"


def number(text: str, decimal: str, unit: str) -> str:
    """Text as DOUBLE where it is a number with this unit, or without one, else NULL."""
    found = sql.number(bare(text, unit), decimal)
    if unit not in MAGNITUDES:
        return found
    spelt = f"regexp_extract({text}, {literal(f'({_one_of(unit)}){_END}')}, 1)"
    worth = " ".join(f"WHEN '{name}' THEN {by!r}" for name, by in MAGNITUDES[unit].items())
    return f"{found} * CASE {spelt} {worth} ELSE 1 END"


def told(unit: str) -> str:
    """What is done with a unit, for people."""
    verb = "multiplied out" if unit in MAGNITUDES else "taken off"
    return f"unit {unit} {verb}"


def several_told(units: Units) -> str:
    """What is wrong with a column of several units, and the cure, for people."""
    listed = ", ".join(f"{unit} ({cells:,})" for unit, cells in units.several)
    return f"looks like numbers with several units: {listed}. Convert them to one"


def is_known(unit: str) -> bool:
    """Whether it may be a unit beside others: a word, a sign, or one of the usual letters."""
    is_word = len(unit) > 1 and not re.search(r"\d", unit)
    return is_word or unit in ONE_LETTER or _is_money({unit: 1}) or not unit.isalnum()


def _is_money(units: Mapping[str, int]) -> bool:
    return all(re.fullmatch(_python(sql.MONEY), unit) for unit in units)


def _one_of(unit: str) -> str:
    longest_first = sorted(spellings(unit), key=len, reverse=True)
    return f"(?:{'|'.join(map(re.escape, longest_first))})"


def _python(pattern: str) -> str:
    return re.sub(r"\\x\{([0-9A-F]{4})\}", r"\\u\1", pattern)
