"""Stage keys: what identifies the outcome of a stage, so that it need not be computed twice."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pipeline.config import LevelConfig

# Raise the number of a stage when its code changes what it computes from the same inputs.
CONTRACTS = {
    "data": 1,
    "pretrain": 1,
    "finetune": 2,
    "reference": 1,
    "compare": 1,
    "export": 2,
    "report": 1,
}


def stage_key(stage: str, *parts: Any) -> str:
    """A digest of the stage's code contract, its part of the config and what it stands on."""
    plain = [
        part.model_dump(mode="json") if isinstance(part, BaseModel) else part for part in parts
    ]
    text = json.dumps([stage, CONTRACTS[stage], plain], sort_keys=True, default=str)
    return text_digest(text)


def untrained_settings(stack: Sequence[LevelConfig]) -> list[dict[str, Any]]:
    """The settings that a network with untrained weights depends on; how to pretrain is not."""
    weights = {"units", "activation", "tied", "unit_norm_decoder", "passes_on"}
    return [
        level.model_dump(
            mode="json", include=weights | ({"sparsity"} if level.passes_on == "code" else set())
        )
        for level in stack
    ]


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_digest(folder: Path, without: str | None = None) -> str:
    """SHA-256 of the names and bytes of all files in a folder, except those of one name."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != without)
    listed = [(path.relative_to(folder).as_posix(), file_digest(path)) for path in files]
    return text_digest(json.dumps(listed))


def text_digest(text: str) -> str:
    """SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()
