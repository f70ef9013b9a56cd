"""Classes that are too rare to be in every part of a split."""

import numpy as np

from pipeline.data.source import Source
from pipeline.data.splitting.held_out import HeldOut
from pipeline.tasks.task import Task

LISTED = 10


def without_rare(task: Task, source: Source, held: HeldOut) -> tuple[np.ndarray, tuple[str, ...]]:
    """The target without the labels of classes that cannot be in every part, and a note of them."""
    target, labelled = source.target, source.labelled
    assert target is not None
    strata = task.strata(target)
    names, rows = np.unique(strata[labelled], return_counts=True)
    if len(names) < 2:
        return target, ()
    stays = labelled.copy()
    for mask in held:
        stays &= True if mask is None else ~mask
    needed = 1 + sum(mask is None for mask in held)  # one to train on, one for each to be drawn
    counts = dict(zip(*np.unique(strata[stays], return_counts=True), strict=True))
    present = np.array([counts.get(name, 0) for name in names])
    rare = present < needed
    if not rare.any():
        return target, ()
    listed = [
        f"{str(name)!r} ({count} row{'s' * int(count > 1)})"
        for name, count in zip(names[rare], rows[rare], strict=True)
    ]
    more = f" and {len(listed) - LISTED} more" if len(listed) > LISTED else ""
    note = (
        f"Classes of {source.name} that are too rare to be in every part lose their labels, and "
        f"are not predicted: {', '.join(listed[:LISTED])}{more}."
    )
    return task.without(target, names[rare]), (note,)
