"""Prepared data: scaled on training rows, the same for every process that asks."""

import multiprocessing
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_digits

from pipeline.config.data import DataConfig
from pipeline.data.prepared import Prepared
from pipeline.errors import InputError
from tests.pipeline.data.reading import fingerprint_of, prepare, read


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "scratch" / "data"


def saved(tmp_path: Path, x, y) -> DataConfig:
    file = tmp_path / "made.npz"
    np.savez(file, x=np.asarray(x), y=np.asarray(y))
    return DataConfig(source=str(file))


# What it holds


def test_digits_are_ready_for_training(folder, digits):
    prepared = prepare(DataConfig(), 0, folder)
    images, classes = digits
    np.testing.assert_array_equal(prepared.rows, images.reshape(-1, 64) / 16)
    np.testing.assert_array_equal(prepared.targets, classes.astype("int32"), strict=True)
    assert prepared.classes == tuple("0123456789")
    assert (prepared.name, prepared.origin) == ("digits", "scikit-learn")
    assert prepared.image_shape == (8, 8)
    assert prepared.fingerprint == fingerprint_of(read(DataConfig()))
    assert [len(part) for part in prepared.splits] == [1222, 216, 1222, 216, 359]
    assert prepared.task.kind == "classification"


def test_rows_stay_on_disk(folder):
    rows = prepare(DataConfig(), 0, folder).rows
    assert isinstance(rows, np.memmap)
    assert (rows.dtype, rows.flags.writeable) == (np.float32, False)


def test_examples_are_random_test_rows_as_they_were_read(tmp_path):
    digits = load_digits()
    by_class = np.argsort(digits.target, kind="stable")
    config = saved(tmp_path, digits.data[by_class], digits.target[by_class])
    prepared = prepare(config, 0, tmp_path / "data")
    assert prepared.categories.shape == (256, 0)
    raw = digits.data[by_class][prepared.splits.test]
    found = [int(np.argmax((raw == row).all(axis=1))) for row in prepared.numbers]
    examples = prepared.splits.test[found]
    # The first 256 of 360 such rows show the classes up to 7.
    assert set(prepared.targets[examples]) == set(range(10))
    scaled = prepared.preprocessing.apply(prepared.numbers, prepared.categories)
    np.testing.assert_array_equal(scaled, prepared.rows[examples])


@pytest.mark.parametrize("scaling", ["standard", "minmax", "global"])
def test_scaling_is_fitted_on_training_rows_alone(scaling, tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(5, 2, (200, 3)), np.arange(200) % 2
    config = saved(tmp_path, x, y).model_copy(update={"scaling": scaling})
    before = prepare(config, 0, tmp_path / "before")
    held_out = np.concatenate([before.splits.validation, before.splits.test])
    x[held_out] *= 100
    saved(tmp_path, x, y)
    after = prepare(config, 0, tmp_path / "after")
    assert after.fingerprint != before.fingerprint
    for part, one in zip(after.splits, before.splits, strict=True):
        np.testing.assert_array_equal(part, one)
    train = before.splits.train
    np.testing.assert_array_equal(after.rows[train], before.rows[train])
    assert after.preprocessing.to_json() == before.preprocessing.to_json()
    offset, scale = {
        "standard": (x[train].mean(axis=0), x[train].std(axis=0)),
        "minmax": (x[train].min(axis=0), np.ptp(x[train], axis=0)),
        "global": (x[train].min(), np.ptp(x[train])),
    }[scaling]
    np.testing.assert_allclose(after.rows, (x - offset) / scale, rtol=1e-4, atol=1e-5)


def test_the_seed_decides_the_split(tmp_path):
    first, again, other = (
        prepare(DataConfig(), seed, tmp_path / name)
        for name, seed in (("first", 0), ("again", 0), ("other", 1))
    )
    np.testing.assert_array_equal(first.splits.test, again.splits.test)
    assert not np.array_equal(first.splits.test, other.splits.test)
    assert first.fingerprint == other.fingerprint


# Targets


def test_classes_are_numbered_by_value_then_by_name(tmp_path):
    names = ["10", "9", "2", "-1", "1.5", "b", "a", "B", "1e1"]
    y = np.repeat(names, 10)
    prepared = prepare(saved(tmp_path, np.random.default_rng(0).normal(size=(90, 2)), y), 0,
                       tmp_path / "data")  # fmt: skip
    assert prepared.classes == ("-1", "1.5", "2", "9", "10", "1e1", "B", "a", "b")
    assert [prepared.classes[number] for number in prepared.targets] == y.tolist()


def test_a_row_without_a_label_has_the_target_minus_1_and_only_pretrains(tmp_path):
    x = np.random.default_rng(0).normal(size=(60, 2))
    y = np.array(["a", "b", ""] * 20)
    prepared = prepare(saved(tmp_path, x, y), 0, tmp_path / "data")
    assert prepared.classes == ("a", "b")
    assert prepared.targets.tolist() == [0, 1, -1] * 20
    unlabelled = np.flatnonzero(prepared.targets == -1)
    assert set(unlabelled) <= set(prepared.splits.pretrain)
    for part in (prepared.splits.train, prepared.splits.validation, prepared.splits.test):
        assert not set(unlabelled) & set(part)


@pytest.fixture
def diabetes(tmp_path) -> tuple[Prepared, np.ndarray]:
    """442 patients, every fifth without a target, and the raw targets."""
    x, y = load_diabetes(return_X_y=True)
    y[::5] = np.nan
    return prepare(saved(tmp_path, x, y), 0, tmp_path / "data", "regression"), y


def test_a_regression_s_target_stays_as_it_is_in_float64(diabetes):
    prepared, y = diabetes
    assert prepared.classes == ()
    np.testing.assert_array_equal(prepared.targets, y, strict=True)


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        (np.arange(60) % 3, "classification"),
        (np.arange(60) % 2 + 0.5, "classification"),
        (np.arange(60) / 7, "regression"),
        (np.arange(60) * 1000, "regression"),
        (np.array(["1", "2", "two"] * 20), "classification"),
        (np.eye(3)[np.arange(60) % 3], "multilabel"),
    ],
)
def test_the_target_decides_what_the_task_is(tmp_path, y, kind):
    x = np.random.default_rng(0).normal(size=(60, 2))
    assert prepare(saved(tmp_path, x, y), 0, tmp_path / "data", "auto").task.kind == kind


def test_what_pretraining_reads_does_not_depend_on_labels(tmp_path):
    x, y = np.random.default_rng(0).normal(size=(60, 2)), np.arange(60) / 7
    plain, other, moved = (
        prepare(saved(tmp_path, rows, labels), 0, tmp_path / name, "regression")
        for name, rows, labels in (("a", x, y), ("b", x, -y), ("c", x + 1, y))
    )
    assert plain.rows_read == other.rows_read != moved.rows_read
    assert len({plain.fingerprint, other.fingerprint, moved.fingerprint}) == 3


# Once, whole, for everyone


def contents(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


FILES = ["metadata.json", "parts.npz", "rows.npy"]


def test_what_is_there_is_not_prepared_again(folder):
    first = prepare(DataConfig(), 0, folder)
    written = (folder / "rows.npy").stat()
    again = prepare(DataConfig(), 0, folder)
    assert (folder / "rows.npy").stat().st_mtime_ns == written.st_mtime_ns
    np.testing.assert_array_equal(again.rows, first.rows)


def test_data_that_cannot_be_used_leave_nothing_behind(folder):
    with pytest.raises(InputError, match="data.label"):
        prepare(DataConfig(label="y"), 0, folder)
    assert not folder.exists()
    assert contents(folder.parent) == []


def test_threads_that_prepare_at_once_get_the_same(folder):
    gate = threading.Barrier(4)
    got: list[Prepared] = []

    def work() -> None:
        gate.wait(timeout=30)
        got.append(prepare(DataConfig(), 0, folder))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 4
    for other in got[1:]:
        np.testing.assert_array_equal(other.rows, got[0].rows)
        np.testing.assert_array_equal(other.splits.test, got[0].splits.test)
    assert contents(folder.parent) == FILES  # nothing of those that came second


def prepare_and_answer(folder: Path, gate, queue) -> None:
    gate.wait(timeout=60)
    prepared = prepare(DataConfig(), 0, folder)
    queue.put((prepared.fingerprint, float(prepared.rows.sum()), prepared.splits.test.tolist()))


def test_processes_that_prepare_at_once_get_the_same(folder):
    context = multiprocessing.get_context("spawn")
    gate, queue = context.Barrier(2), context.Queue()
    processes = [
        context.Process(target=prepare_and_answer, args=(folder, gate, queue)) for _ in range(2)
    ]
    for process in processes:
        process.start()
    answers = [queue.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert answers[0] == answers[1]
    assert contents(folder.parent) == FILES


def test_test_rows_are_known_again_in_a_table_that_has_grown(tmp_path: Path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(900, 3)).round(4), columns=["a", "b", "c"])
    table["place"] = rng.choice(["north", "south"], 900)
    table["label"] = rng.choice(["yes", "no"], 900)
    table[:600].to_csv(tmp_path / "monday.csv", index=False)
    table.sample(frac=1, random_state=1).to_parquet(tmp_path / "tuesday.parquet")

    def prepared(name: str) -> Prepared:
        config = DataConfig(source=str(tmp_path / name), label="label", holdout="stable")
        return prepare(config, 0, tmp_path / f"prepared {name}")

    monday, tuesday = prepared("monday.csv"), prepared("tuesday.parquet")
    assert len(monday.test_contents) == len(monday.splits.test) > 80
    assert set(monday.test_contents) < set(tuesday.test_contents)
