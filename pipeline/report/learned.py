"""What the units of a level stand for: what each adds to a reconstruction, in words of columns."""

from collections.abc import Sequence

import keras
import numpy as np

from pipeline.data.features.operations import NUMPY
from pipeline.data.features.preprocessing import Preprocessing
from pipeline.report.tables import TextTable

LISTED_UNITS = 12
LISTED_COLUMNS = 4
DAY = 86_400.0


def added_by_units(
    decoder: keras.Sequential, code: np.ndarray, active: np.ndarray, units: Sequence[int]
) -> np.ndarray:
    """What each of the units adds to the reconstruction where it is active, (units, features).

    The mean code of the rows that it is active for, decoded with the unit and without it. Through
    one linear level that is the unit's column of the decoder, times how strongly it is active.
    """
    with_units, without = _codes(code, active, units)
    return np.asarray(decoder(with_units)) - np.asarray(decoder(without))


def unit_table(
    decoder: keras.Sequential,
    code: np.ndarray,
    active: np.ndarray,
    units: Sequence[int],
    rows: np.ndarray,
    preprocessing: Preprocessing,
) -> TextTable:
    """The columns that each unit changes most, in raw units; of the first `LISTED_UNITS`."""
    units = units[:LISTED_UNITS]
    names = preprocessing.original_names
    decoded = [np.asarray(decoder(part)) for part in _codes(code, active, units)]
    change = (decoded[0] - decoded[1])[:, : len(names)]
    raw = np.subtract(*(preprocessing.originals(part, NUMPY) for part in decoded))
    deviations = np.abs(change) / np.maximum(rows[:, : len(names)].std(axis=0), 1e-6)
    # A column that hardly varies among the rows looked at would come first everywhere.
    deviations[:, rows[:, : len(names)].std(axis=0) < 1e-6] = 0.0
    kinds = _kinds(preprocessing)
    lines: list[tuple[str, ...]] = []
    for position, unit in enumerate(units):
        largest = np.argsort(-deviations[position], kind="stable")[:LISTED_COLUMNS]
        words = [
            change_text(names[at], float(raw[position, at]), kinds[at])
            for at in largest
            if deviations[position, at]
        ]
        share = active[:, unit].mean()
        lines.append((str(unit + 1), f"{100 * share:.0f} %", "; ".join(words)))
    return TextTable("", ("unit", "active for", "changes"), lines)


def change_text(name: str, change: float, kind: str) -> str:
    """A change of one column in words: `age +4.2`, `garden=west +31 points`, `born -12 days`."""
    match kind:
        case "share":
            return f"{name} {100 * change:+.0f} points"
        case "date":
            return f"{name} {change / DAY:+,.3g} days"
        case _ if abs(change) >= 1000:
            return f"{name} {change:+,.0f}"
        case _:
            return f"{name} {change:+.3g}"


def _codes(
    code: np.ndarray, active: np.ndarray, units: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """For each unit the mean code of the rows that it is active for, with the unit and without."""
    of_units = np.stack([code[active[:, unit]].mean(axis=0) for unit in units])
    without = of_units.copy()
    without[np.arange(len(units)), list(units)] = 0.0
    return of_units, without


def _kinds(preprocessing: Preprocessing) -> list[str]:
    """How a change of each of the original features is told: as a number, a date or a share."""
    columns = [column for column in preprocessing.columns if not column.is_category]
    told = {"number": "number", "date": "date", "boolean": "share"}
    kinds = [told[column.kind] for column in columns]
    kinds += ["share"] * len(preprocessing.indicated)
    kinds += ["number"] * (2 * len(preprocessing.cycles))
    return kinds + ["share"] * (len(preprocessing.original_names) - len(kinds))
