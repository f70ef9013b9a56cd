"""How much rows count: a column of numbers, checked, and what it leaves of the labels."""

from dataclasses import replace

import numpy as np

from pipeline.data.source import Source


def weight_problems(source: Source, column: str) -> list[str]:
    """Why the weights of labelled rows cannot be used, all of it in one message."""
    weights = source.roles.weight
    assert weights is not None
    wrong = []
    for what, mask in (("no finite number", ~np.isfinite(weights)), ("less than 0", weights < 0)):
        rows = np.flatnonzero(mask & source.labelled)
        if len(rows):
            wrong.append(f"{len(rows):,} have {what} (first row {rows[0] + 1})")
    if source.labelled.any() and not weights[source.labelled].any():
        wrong.append("all have 0")
    if not wrong:
        return []
    return [
        "data.weight needs a finite number, 0 or greater, in each labelled row. Of the "
        f"{int(source.labelled.sum()):,} of {source.name} with column {column!r} "
        f"{'; '.join(wrong)}. Correct them."
    ]


def without_weightless(source: Source, column: str) -> Source:
    """The source, its rows of weight 0 without a label: they serve pretraining only."""
    assert source.roles.weight is not None and source.target is not None
    none = (source.roles.weight == 0) & source.labelled
    counted = source.roles.weight[source.labelled & ~none]
    if not len(counted):
        return source  # as `weight_problems` has said
    notes = [
        f"Column {column!r} weighs the labelled rows, from {counted.min():g} to {counted.max():g}."
    ]
    target = source.target
    if none.any():
        target = target.copy()
        target[none] = "" if target.dtype.kind == "U" else np.nan
        notes.append(
            f"{int(none.sum()):,} labelled rows weigh 0: they count as rows without a label."
        )
    return replace(source, target=target, notes=(*source.notes, *notes))
