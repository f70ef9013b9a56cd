"""What an exported folder says of its model, and the digest by which it is known to be whole."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.export.folder import METADATA
from pipeline.export.signatures.inputs import input_names, kind_of_input
from pipeline.export.trained import Trained, level_output
from pipeline.files import folder_digest, text_digest

DIGEST = "digest"
"""What `METADATA` calls the digest of the exported files and of the rest of itself."""


def digest_of(folder: Path, metadata: Mapping[str, Any]) -> str:
    """By which an exported folder is known to be whole."""
    rest = {name: value for name, value in metadata.items() if name != DIGEST}
    return text_digest(folder_digest(folder, without=METADATA) + json.dumps(rest, sort_keys=True))


def metadata_of(trained: Trained) -> dict[str, Any]:
    """What a program that feeds the model must know: its columns, and what to call the outputs."""
    preprocessing = trained.preprocessing
    names = input_names(preprocessing.columns)
    inputs = [
        {"name": names[column.name], "column": column.name, **kind_of_input(column)}
        for column in preprocessing.columns
        if trained.by_name
    ]
    categories = [column.name for column in preprocessing.columns if column.is_category]
    return {
        "name": trained.name,
        "task": trained.task.kind,
        "classes": list(trained.classes),
        "temperature": trained.decision.temperature,
        "thresholds": list(trained.decision.thresholds),
        "columns": [list(column) for column in preprocessing.columns],
        "inputs": inputs,
        "vocabularies": dict(zip(categories, preprocessing.vocabularies, strict=True)),
        "layout": trained.layout and trained.layout._asdict(),
        "needs_every_value": preprocessing.refuses_missing,
        "endpoints": list(trained.endpoints),
        "nested": trained.nested,
        "outputs": {
            **trained.task.output_columns(trained.classes, _columns(trained)),
            "code": _code_names(trained.code_units),
            **{
                level_output(number): _code_names(level.units)
                for number, level in enumerate(trained.stack, 1)
            },
            "reconstruction": list(preprocessing.original_names),
            "reconstruction_error": ["reconstruction_error"],
        },
    }


def _columns(trained: Trained) -> list[str]:
    """What the task's outputs are about, column by column."""
    preprocessing = trained.preprocessing
    match trained.task.gives:
        case "rows":
            return list(preprocessing.original_names)
        case "code":
            return _code_names(trained.code_units)
        case _:
            return list(preprocessing.ordered_names)


def _code_names(units: int) -> list[str]:
    return [f"code_{unit}" for unit in range(units)]
