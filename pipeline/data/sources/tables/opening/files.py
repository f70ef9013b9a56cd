"""Which files make a table, and of what kind they are."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pipeline.data.sources.tables.opening.plain import PACKED, SHEETS
from pipeline.errors import InputError

Format = Literal["text", "parquet", "json", "sheet"]

KINDS: dict[str, Format] = {
    **dict.fromkeys((".csv", ".tsv", ".tab", ".txt", ".data", ".dat"), "text"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), "json"),
    **dict.fromkeys(SHEETS, "sheet"),
}
"""By suffix; text and JSON may be compressed."""
SUFFIXES = (*KINDS, *PACKED)
_PATTERN = "*?["


def format_of(file: Path) -> Format | None:
    """What kind of table a file is, by its name; None: of no kind."""
    suffixes = [suffix.lower() for suffix in file.suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
        kind = KINDS.get(suffixes[-1]) if suffixes else None
        return kind if kind in ("text", "json") else None
    return KINDS.get(suffixes[-1]) if suffixes else None


def is_table(spec: str) -> bool:
    """Whether a file, folder or pattern holds a table."""
    return bool(parts_of(spec))


def kind_of(files: Sequence[Path], where: str) -> Format:
    """What the parts of a table are.

    Raises:
        InputError: where they are of several kinds.
    """
    kinds = {format_of(file) for file in files}
    if len(kinds) > 1:
        raise InputError(
            f"All parts of a table must be of one kind. {where} has "
            f"{', '.join(sorted({file.suffix for file in files}))}. Name them by a pattern, for "
            "example 'folder/*.csv', or say in data.query how they go together."
        )
    (kind,) = kinds
    assert kind
    return kind


def parts_of(spec: str) -> list[Path]:
    """The files of a source in the order of their names; none where there are others among them."""
    path = Path(spec)
    if path.is_file():
        return [path] if format_of(path) else []
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.is_file())
        found = [file for file in found if not file.name.startswith((".", "_"))]
        return found if found and all(format_of(file) for file in found) else []
    if any(sign in spec for sign in _PATTERN):
        return [file for file in _matching(spec) if format_of(file)]
    return []


def _matching(pattern: str) -> list[Path]:
    path = Path(pattern)
    return sorted(Path(path.anchor or ".").glob(str(path.relative_to(path.anchor))))


def name_of(spec: str) -> str:
    """What people call a source: its file or folder; a pattern goes by its folder."""
    path = Path(spec).resolve()
    while any(sign in path.name for sign in _PATTERN):
        path = path.parent
    return path.name


def without_suffix(name: str) -> str:
    """A file's name without that of its kind: digits of digits.csv.gz."""
    path = Path(name)
    return Path(path.stem).stem if path.suffix.lower() in PACKED else path.stem
