"""Which recipe a run has whose config names none: the one of tables, or the schema's defaults.

It goes by the name of what is read: a config says what a run does before anything is read.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline.config.task import DECIDED

PACKED = (".gz", ".zst", ".bz2")
TABLES = (
    ".csv", ".tsv", ".tab", ".txt", ".data", ".dat", ".parquet", ".pq", ".json", ".jsonl",
    ".ndjson", ".xlsx", ".xls", ".xlsb", ".ods",
)  # fmt: skip
LOOKED_AT = 100
"""Of the files of a folder, which may be any folder."""
SECTIONS = ("stack", "finetune")
"""What a recipe decides."""
ALSO = "also_tried"


def with_recipe(tree: Any, of_tables: Mapping[str, Any]) -> Any:
    """The tree of a config; of a table, with the recipe of tables where it says nothing."""
    data = tree.get("data") if isinstance(tree, Mapping) else None
    if not isinstance(data, Mapping) or not names_a_table(data.get("source")):
        return tree
    found = dict(tree)
    for section in SECTIONS:
        recipe = of_tables[section]
        given = found.setdefault(section, recipe)
        if isinstance(recipe, Mapping) and isinstance(given, Mapping):
            found[section] = not_otherwise({**recipe, **given}, given)
    return found


def without_target(tree: Any) -> Any:
    """The tree of a config; of a task that needs no target it says so, where it names none.

    The arms are then those that are usual for the task, where it names none of them either.
    """
    if not isinstance(tree, Mapping):
        return tree
    task, data = tree.get("task"), tree.get("data", {})
    kind = task.get("kind") if isinstance(task, Mapping) else None
    section = DECIDED.get(kind) if isinstance(kind, str) else None
    if section is None or section.needs_labels or not isinstance(data, Mapping):
        return tree
    label = data.get("label")
    found = {**tree, "data": {**data, "label": [] if label is None else label}}
    finetune = tree.get("finetune", {})
    if section.usual_arms and isinstance(finetune, Mapping):
        found["finetune"] = {"arms": list(section.usual_arms), **finetune}
    return found


def not_otherwise(section: Mapping[str, Any], given: Iterable[str]) -> dict[str, Any]:
    """The section, in which values that were given are not tried otherwise."""
    others = section.get(ALSO)
    if ALSO in given or not isinstance(others, Sequence):
        return dict(section)
    left = [
        {key: value for key, value in other.items() if key not in given}
        if isinstance(other, Mapping)
        else other
        for other in others
    ]
    return {**section, ALSO: left}


def names_a_table(source: object) -> bool:
    """Whether a source is a table's file, a folder of such files, or a pattern, by its name."""
    if not isinstance(source, str):
        return False
    path = Path(urlsplit(source).path if "://" in source else source)
    try:
        files = [file for file in islice(path.expanduser().rglob("*"), LOOKED_AT) if file.suffix]
    except (OSError, RuntimeError, ValueError):  # a folder that cannot be entered, or cannot be
        files = []
    shown = [file.name for file in files if not file.name.startswith((".", "_"))]
    return all(map(_is_of_a_table, shown or [path.name]))


def _is_of_a_table(name: str) -> bool:
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return bool(suffixes) and suffixes[-1] in TABLES
