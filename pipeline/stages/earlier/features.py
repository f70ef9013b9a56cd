"""The features that a stack reads: kept with its lowest level, compared with other rows'."""

from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.tracking.artifacts import store_json, stored_json
from pipeline.tracking.runs import StageRun
from pipeline.tracking.tracker import Tracker

FEATURES = "features.json"
"""The artifact of a level on the rows: the features that it reads, in their order."""
LISTED = 5
"""Names in a message, at most."""
LONGEST = 80
"""Characters of such a name, at most."""

Feature = tuple[str, str]
"""The names of a feature's column and of the feature: only together they are unlike all others."""


def store_features(record: StageRun, features: Sequence[Feature]) -> None:
    """Keep them with the level whose stage this is."""
    store_json(record, FEATURES, features)


def stored_features(tracker: Tracker, run_id: str) -> tuple[Feature, ...]:
    """Those that a level on the rows reads."""
    return tuple((column, name) for column, name in stored_json(tracker, run_id, FEATURES))


def other_columns(now: Sequence[dict[str, Any]], before: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Where the rows have other columns than the earlier stacks read; their order is free."""
    old = {column["name"]: column["kind"] for column in before}
    new = {column["name"]: column["kind"] for column in now}
    for what, names in (
        ("has not read", [name for name in new if name not in old]),
        ("reads", [name for name in old if name not in new]),
    ):
        if names:
            which = "the column" if len(names) == 1 else "the columns"
            missing = ", which is not there now" if what == "reads" else ""
            yield f"{what} {which} {_listed(names)}{missing}."
    for name, kind in new.items():
        if old.get(name, kind) != kind:
            yield f"read column {name!r} as {old[name]}. Given: {kind}."


def none_shared(now: Sequence[Feature], stacks: Sequence[Sequence[Feature]]) -> Iterator[str]:
    """Where a stack knows no feature of the rows, as of categories of which all are new."""
    if any(set(now).isdisjoint(stack) for stack in stacks):
        yield f"knows no feature of the rows. Given: {_listed([name for _, name in now])}."


def new_and_gone(
    now: Sequence[Feature], stacks: Sequence[Sequence[Feature]], run_id: str
) -> tuple[str, ...]:
    """A note that says which features of the rows start from new weights, and which are gone."""
    shared = set(now).intersection(*stacks)
    new = [name for column, name in now if (column, name) not in shared]
    known = dict.fromkeys(feature for stack in stacks for feature in stack)
    gone = [name for column, name in known if (column, name) not in set(now)]
    if not new and not gone:
        return ()
    return (
        f"pretrain.from: {len(shared):,} of {len(now):,} features start from the weights that run "
        f"{run_id} has for them."
        + (f" New, with new weights: {_listed(new)}." if new else "")
        + (f" Gone: {_listed(gone)}." if gone else ""),
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return ", ".join(repr(_shortened(name)) for name in names[:LISTED]) + more


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST else name[:LONGEST] + "..."
