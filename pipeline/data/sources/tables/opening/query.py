"""One SELECT over the files of a source: what it gives is a table like any other."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.config.data import DataConfig
from pipeline.data.sources.tables.opening.apart import asked
from pipeline.data.sources.tables.opening.plain import as_plain_text, room_in
from pipeline.errors import InputError

ANSWER = "pipeline.data.sources.tables.opening.answer"


def answer_of(query: str, files: Sequence[Path], config: DataConfig, folder: Path) -> Path:
    """The rows that a query gives, as Parquet, in an order that their content decides.

    Each file is a table called as the file is, without its suffixes.

    Raises:
        InputError: for what is no single SELECT over these files, and for two files of one name.
    """
    names = [file.name.split(".")[0] for file in files]
    if len(set(names)) < len(names):
        raise InputError(
            "In data.query a table is called as its file is, without the suffix. Given: "
            f"{', '.join(file.name for file in files)}. Rename those that are called alike."
        )
    most = config.memory_bytes
    plain = [str(as_plain_text(file, config.sheet, most, folder)[0]) for file in files]
    answer = folder / "answer.parquet"
    request = {
        "query": query.strip().removesuffix(";"),
        "tables": dict(zip(names, plain, strict=True)),
        "header": config.header,
        "missing_values": config.missing_values,
        "memory": most,
        "answer": str(answer),
    }
    found = asked(ANSWER, request, most, room_in(folder))
    if found is None:
        raise InputError(
            f"data.query cannot be answered in memory. Given: {query!r}, with data.memory: "
            f"{config.memory:g}. Ask for less, or raise data.memory."
        )
    if "refused" in found:
        raise InputError(found["refused"])
    return answer
