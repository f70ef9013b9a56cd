"""Benchmarks import, and those that compare with others run each of them alike, at toy size."""

import importlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from benchmarks.same import speed
from benchmarks.speed import stack, training

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    ".".join(file.relative_to(ROOT).with_suffix("").parts)
    for file in (ROOT / "benchmarks").rglob("*.py")
)
NOT_REQUIRED = {"benchmarks.fuzz.readers": "atheris", "benchmarks.speed.pytorch": "torch"}


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return (load_digits().data / 16).astype("float32")


@pytest.mark.parametrize("module", MODULES)
def test_it_imports(module):
    if module in NOT_REQUIRED:
        pytest.importorskip(NOT_REQUIRED[module])
    importlib.import_module(module)


@pytest.mark.parametrize("way", [way for way in stack.WAYS if "JAX" not in way])
def test_every_way_trains_a_stack_to_its_explained_variance(way, rows, monkeypatch, tmp_path):
    if "PyTorch" in way:
        pytest.importorskip("torch")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(stack, "WIDTHS", (32, 16))
    monkeypatch.setattr(stack, "EXPLAINED", 0.3)
    found = stack.greedy(way, 256, rows[:1536], rows[1536:])
    assert len(found["epochs"]) == 2
    assert all(1 <= epochs <= stack.MOST_EPOCHS for epochs in found["epochs"])
    assert found["seconds"] > found["preparing"]


def test_all_ways_read_the_same_number_of_rows_in_an_epoch():
    for module in (stack, training):
        assert all(module.ROWS % batch_size == 0 for batch_size in module.BATCHES)


def test_the_perceptron_goes_on_from_epoch_to_epoch(rows):
    epoch = training.perceptron(256, rows)
    losses = [epoch().loss_ for _ in range(3)]
    assert losses == sorted(losses, reverse=True) and len(set(losses)) == 3


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ([90, 100, 110], [95, 104, 115], True),
        ([90, 100, 110], [111, 120, 130], False),
        ([99, 100, 101], [80, 102, 130], False),  # within one spread, beyond the other
    ],
)
def test_speeds_are_the_same_where_each_median_lies_within_the_other_s_spread(before, after, same):
    assert speed.Speeds(before, after, []).same == same


@pytest.mark.slow
def test_a_checkout_is_as_fast_as_itself():
    for speeds in speed.measure((ROOT, ROOT), rounds=1, epochs=3):
        assert 1 / 3 < speeds.ratio[0] < 3  # other work on the machine may come between a pair
