"""Which files are new: those whose result is not there, or is that of another state of the file."""

import glob
import os
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from pipeline.data.sources.tables.opening.files import parts_of
from pipeline.errors import InputError, raise_all
from pipeline.files import check_output

NAME = "{name}"
"""What stands in `-o` for the name of each file of a pattern, without its suffix."""


class Work(NamedTuple):
    """One source and where its result goes."""

    source: str
    output: Path
    time: int | None
    """When the file was changed last, before it was read, in nanoseconds; None for no file."""

    def is_new(self) -> bool:
        """Whether there is no result, or one of another state of the file."""
        return self.time is None or self.time != _time(self.output)

    def finish(self) -> None:
        """Mark the result, which is written, as that of the file as it was."""
        if self.time is not None:
            os.utime(self.output, ns=(self.time, self.time))


def is_pattern(data: str) -> bool:
    """Whether a source is a pattern of files (`incoming/*.csv`) and not one of its own.

    What lies on a server is one source, also as a pattern.
    """
    return "://" not in data and glob.has_magic(data) and not Path(data).exists()


def check_spared(data: str, output: Path) -> None:
    """Raise `InputError` where results would overwrite a file that they are made of."""
    if "://" in data:
        return
    source = Path(data).expanduser()
    files = [source, *parts_of(str(source)), *(source.rglob("*.npy") if source.is_dir() else ())]
    same = (output.exists() and file.exists() and output.samefile(file) for file in files)
    if output.absolute() == source.absolute() or any(same):
        raise InputError(f"-o must not be DATA, which it would overwrite. Given: {data}.")


def work_of(data: str, output: str) -> list[Work]:
    """A source, or each file of a pattern, and where its result goes.

    Raises `InputError` where results could not be written, or not told from one another or from
    new files.
    """
    check_output(Path(output))
    if is_pattern(data) != (NAME in Path(output).name):
        raise InputError(
            "-o must have {name} in the file's name where DATA is a pattern, and only there: each "
            f"file has a result of its own. Given: {data} and {output}. For example: 'in/*.csv' "
            "-o 'out/{name}.parquet'."
        )
    if not is_pattern(data):
        check_spared(data, Path(output))
        return [Work(data, Path(output), _time(Path(data)))]
    # Path.glob takes no absolute pattern.
    paths = [Path(path) for path in sorted(glob.glob(data, recursive=True))]  # noqa: PTH207
    works = [
        Work(str(path), Path(output.replace(NAME, path.stem)), time)
        for path in paths
        if (time := _time(path)) is not None
    ]
    _check_apart(works, data, output)
    return works


def _check_apart(works: list[Work], data: str, output: str) -> None:
    likely = Path(output.replace(NAME, Path(data).stem))
    problems = []
    for result in [likely, *(work.output for work in works)]:
        if _takes(data, result):
            problems.append(
                f"Results must not be taken for new files. {data} takes {result} too. Give -o in "
                "another folder."
            )
            break
    sources: dict[Path, str] = {}
    for work in works:
        if other := sources.get(work.output):
            problems.append(
                f"Files of a pattern need names of their own. {other} and {work.source} would both "
                f"give {work.output}. Narrow the pattern or rename one."
            )
        sources[work.output] = work.source
    raise_all(problems)


def _takes(pattern: str, path: Path) -> bool:
    """Whether a pattern takes a file of this path."""
    if "**" in pattern:
        return fnmatch(str(path.absolute()), str(Path(pattern).absolute()).replace("**/", "*"))
    return path.absolute().match(str(Path(pattern).absolute()))


def _time(path: Path) -> int | None:
    """When a file was changed last, in nanoseconds; None where there is no file."""
    with suppress(FileNotFoundError):  # removed in between
        return path.stat().st_mtime_ns if path.is_file() else None
    return None
