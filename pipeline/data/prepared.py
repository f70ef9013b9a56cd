"""Prepared data: read, split, scaled and written to scratch, where every stage finds it."""

import atexit
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from pipeline.config.data import DataConfig
from pipeline.config.task import Decided, TaskConfig
from pipeline.data.describe import describe
from pipeline.data.distances import summaries
from pipeline.data.features.preprocessing import Preprocessing
from pipeline.data.fingerprint import digest, fingerprint, rows_fingerprint
from pipeline.data.rows.sample import sample
from pipeline.data.rows.streamed import Rows, StreamedRows, write_rows
from pipeline.data.source import Layout
from pipeline.data.sources.on_disk import numbers_on_disk
from pipeline.data.sources.read import read
from pipeline.data.splits import Splits
from pipeline.data.target import with_target
from pipeline.data.training_data import TrainingData, split_source
from pipeline.files import check_writable, hidden_folder
from pipeline.seeds import derive, split_seed
from pipeline.tasks import task_of

EXAMPLE_ROWS = 256
ROWS = "rows.npy"
NOISY = "noisy.npy"
NUMBERS = "numbers.npy"
"""Instead of scaled rows: the numbers as they are stored, of rows that stay on disk."""

_ahead: dict[tuple[DataConfig, TaskConfig, int], Path] = {}
"""Where this process has prepared data for which there is no run yet."""


@dataclass(frozen=True, kw_only=True)
class Prepared(TrainingData):
    """The rows of a run, ready for training."""

    name: str
    origin: str
    notes: tuple[str, ...]
    """What is lost in reading and scaling, for people: numbers that become equal."""
    description: dict[str, Any]
    """What there is to say of the rows (`describe`)."""
    fingerprint: str
    """Digest of the source's values."""
    rows_read: str
    """Digest of the rows that pretraining reads, scaled; labels are no part of it."""
    test_contents: np.ndarray
    """Of each test row its content, uint64 (test rows,): by it a row is known in another table."""
    noisy: Rows | None
    """All rows with their noise, as `rows`; None where the source has no such."""
    numbers: np.ndarray
    """Raw numbers of a random sample of test rows, 256 at most, float64 as exported models read."""
    categories: np.ndarray
    """Raw categories of the same rows."""
    holdout: str
    """How test rows are held out: see `Split`."""
    columns: list[dict[str, Any]]
    """What is kept of each column: name, kind, and how its values are spread (`distances`)."""


def prepare(config: DataConfig, task: TaskConfig, seed: int, folder: Path) -> Prepared:
    """Read, split and scale the data into `folder`, unless it is there already.

    The folder appears whole or not at all, so that several processes may prepare at once. Raises
    `InputError` for data that cannot be used.
    """
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        if ahead := _ahead.pop((config, task, seed), None):
            shutil.move(ahead, folder)
            ahead.parent.rmdir()
            return _load(folder)
        with hidden_folder(folder.parent) as hidden:
            written = hidden / folder.name
            written.mkdir()
            _prepare_into(written, config, task, seed)
            with suppress(OSError):  # another process was quicker; what it wrote is the same
                written.rename(folder)
    return _load(folder)


@contextmanager
def prepared_ahead(config: DataConfig, task: TaskConfig, seed: int) -> Iterator[Prepared]:
    """Data prepared before there is a run: the first `prepare` in this process takes them over.

    They lie in the working directory meanwhile, because data may be too large for a disk of
    temporary files, and go when an error is raised or the process ends.
    """
    if ahead := _ahead.get((config, task, seed)):
        yield _load(ahead)
        return
    check_writable(Path.cwd(), "A run prepares its rows there: start it in another folder.")
    folder = Path(tempfile.mkdtemp(prefix=".layerwise-", dir=Path.cwd()))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        data = prepare(config, task, seed, folder / "data")
        yield data
    except BaseException:
        shutil.rmtree(folder)
        raise
    _ahead[config, task, seed] = folder / "data"


@contextmanager
def splits_ahead(
    config: DataConfig, task: TaskConfig, seed: int, splits: int
) -> Iterator[list[Prepared]]:
    """The same, of rows that are split so many times."""
    with ExitStack() as ahead:
        seeds = [split_seed(seed, number) for number in range(splits)]
        yield [ahead.enter_context(prepared_ahead(config, task, each)) for each in seeds]


def forget_prepared(config: DataConfig, task: TaskConfig, seed: int, splits: int) -> None:
    """Remove data prepared ahead for which no run will come: a later one reads them anew."""
    for number in range(splits):
        if ahead := _ahead.pop((config, task, split_seed(seed, number)), None):
            shutil.rmtree(ahead.parent)


def _prepare_into(folder: Path, config: DataConfig, section: TaskConfig, seed: int) -> None:
    source = with_target(read(config, folder), section, config)
    found = split_source(source, config, seed)
    split, preprocessing = found.split, found.preprocessing
    splits = split.parts
    numbers = source.numbers
    example = sample(splits.test, EXAMPLE_ROWS, derive(seed, "example"))
    rows = rows_fingerprint(source)
    description = preprocessing.to_json()
    metadata = {
        "name": source.name,
        "origin": source.origin,
        "notes": found.usable.notes,
        "description": describe(source, config, found.usable),
        "fingerprint": fingerprint(source, rows),
        "rows_read": digest([rows, description], splits.pretrain, splits.pretrain_validation),
        "task": found.task.section.model_dump(mode="json"),
        "classes": found.classes,
        "preprocessing": description,
        "image_shape": source.image_shape,
        "columns": summaries(source, splits.pretrain, derive(seed, "summaries")),
        "holdout": split.holdout,
        "table": source.table,
        "layout": source.layout and source.layout._asdict(),
        "memory": numbers.memory if isinstance(numbers, StreamedRows) else None,
    }
    if isinstance(numbers, StreamedRows):
        converted = numbers.file.parent == folder
        (folder / NUMBERS).symlink_to(numbers.file.name if converted else numbers.file.resolve())
    else:
        write_rows(folder / ROWS, preprocessing.blocks(source))
    if source.noisy:
        noisy = source.noisy
        np.save(folder / NOISY, preprocessing.apply(noisy.numbers, noisy.categories))
    weights = source.roles.weight
    arrays: dict[str, Any] = {} if weights is None else {"weights": weights}
    np.savez(
        folder / "parts.npz",
        targets=found.targets,
        numbers=source.numbers[example].astype("float64"),
        categories=source.categories[example],
        test_contents=split.contents[splits.test],
        **arrays,
        **splits._asdict(),
    )
    (folder / "metadata.json").write_text(json.dumps(metadata))


@lru_cache(maxsize=16)
def _load(folder: Path) -> Prepared:
    metadata = json.loads((folder / "metadata.json").read_text())
    preprocessing = Preprocessing.from_json(metadata["preprocessing"])
    with np.load(folder / "parts.npz", allow_pickle=False) as parts:
        return Prepared(
            name=metadata["name"],
            origin=metadata["origin"],
            notes=tuple(metadata["notes"]),
            description=metadata["description"],
            fingerprint=metadata["fingerprint"],
            rows_read=metadata["rows_read"],
            rows=_rows(folder, preprocessing, metadata["table"], metadata["memory"]),
            targets=parts["targets"],
            weights=parts.get("weights"),
            task=task_of(TypeAdapter(Decided).validate_python(metadata["task"])),
            classes=tuple(metadata["classes"]),
            splits=Splits(*(parts[name] for name in Splits._fields)),
            test_contents=parts["test_contents"],
            noisy=_mapped(folder / NOISY) if (folder / NOISY).exists() else None,
            preprocessing=preprocessing,
            numbers=parts["numbers"],
            categories=parts["categories"],
            image_shape=tuple(metadata["image_shape"]) if metadata["image_shape"] else None,
            table=metadata["table"],
            holdout=metadata["holdout"],
            columns=metadata["columns"],
            layout=Layout.from_json(metadata["layout"]) if metadata["layout"] else None,
        )


def _mapped(file: Path) -> np.ndarray:
    return np.load(file, mmap_mode="r", allow_pickle=False)


def _rows(folder: Path, preprocessing: Preprocessing, table: bool, memory: int | None) -> Rows:
    """All rows scaled; with `memory`, the bytes they may take, those that stay on disk."""
    if memory is None:
        return _mapped(folder / ROWS)
    stored = StreamedRows(folder / NUMBERS, memory)
    # A table's numbers are stored for the run, column by column as they are used.
    numbers = stored if table else numbers_on_disk(stored, preprocessing.columns)
    return preprocessing.of_numbers(numbers)
