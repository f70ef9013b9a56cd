"""Sources as a run sees them: with the target that a task makes of their labels."""

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from pipeline.config.data import DataConfig
from pipeline.config.task import TaskConfig
from pipeline.data import describe as descriptions
from pipeline.data import prepared
from pipeline.data.fingerprint import fingerprint, rows_fingerprint
from pipeline.data.problems import usable
from pipeline.data.source import Source
from pipeline.data.sources import read as sources
from pipeline.data.target import with_target


def section(kind: str) -> Any:
    """The section `task` of a config."""
    return TypeAdapter(TaskConfig).validate_python({"kind": kind})


def read(config: DataConfig, scratch: Path | None = None, kind: str = "classification") -> Source:
    return with_target(sources.read(config, scratch), section(kind), config)


def prepare(
    config: DataConfig, seed: int, folder: Path, kind: str = "classification"
) -> prepared.Prepared:
    return prepared.prepare(config, section(kind), seed, folder)


def fingerprint_of(source: Source) -> str:
    return fingerprint(source, rows_fingerprint(source))


def describe(source: Source, config: DataConfig) -> dict[str, Any]:
    return descriptions.describe(source, config, usable(source, config, seed=0))
