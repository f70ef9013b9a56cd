"""XLA is used where it was measured to be faster, and the choice is remembered."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from pipeline.config.level import LevelConfig
from pipeline.config.sparsity import TopKLimit
from pipeline.training.pretraining.level import trains_with_xla
from pipeline.training.pretraining.pretrain import pretrain

LEVEL = LevelConfig(units=32, batch_size=64)


@pytest.fixture
def rows(digits) -> np.ndarray:
    return digits[0]


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where choices are remembered; every level is worth measuring."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("pipeline.training.pretraining.level.WORTH_MEASURING", 0)
    return tmp_path / "layerwise" / "xla"


@pytest.fixture
def gains(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What measuring is to find, one after the other."""
    found: list[float] = []
    monkeypatch.setattr("pipeline.training.acceleration._gain", lambda *_: found.pop(0))
    return found


def test_a_level_is_measured_once_and_trains_as_was_found(rows, memory):
    first = trains_with_xla(LEVEL, rows, steps=100)
    (file,) = memory.iterdir()
    gain = json.loads(file.read_text())["gain"]
    assert first == (gain >= 1.05)
    file.write_text(json.dumps({"gain": 0.5 if first else 2.0}))  # read again, not measured again
    assert pretrain(LEVEL, rows, rows[:100], 0, lambda _: None).xla is not first


@pytest.mark.parametrize(("gain", "chosen"), [(0.8, False), (1.04, False), (1.06, True)])
def test_xla_must_be_clearly_faster(gain, chosen, rows, memory, gains):
    gains.append(gain)
    assert trains_with_xla(LEVEL, rows, steps=100) is chosen


def test_what_the_speed_depends_on_is_measured_anew_and_nothing_else(rows, memory, gains):
    gains += [2.0, 0.5]
    others = {"epochs": 99, "learning_rate": 0.5, "min_steps": 7, "retry": True}
    assert trains_with_xla(LEVEL, rows, steps=100)
    assert trains_with_xla(LEVEL.model_copy(update=others), rows[:500], steps=200)
    sparse = LEVEL.model_copy(update={"sparsity": TopKLimit(k=4)})
    assert not trains_with_xla(sparse, rows, steps=100)


def test_a_small_level_is_not_measured(rows, memory, monkeypatch):
    monkeypatch.setattr(
        "pipeline.training.pretraining.level.WORTH_MEASURING", 10 * 64 * 32 * 64 * 100 + 1
    )
    assert not trains_with_xla(LEVEL, rows, steps=100)
    assert not memory.exists()


def test_what_cannot_be_remembered_is_not_chosen(rows, memory, gains):
    gains.append(2.0)
    memory.parent.write_text("in the way")
    assert not trains_with_xla(LEVEL, rows, steps=100)


def test_who_measures_at_the_same_time_chooses_alike(rows, memory, gains):
    gains += [2.0, 0.5] * 8
    with ThreadPoolExecutor(16) as pool:
        chosen = set(pool.map(lambda _: trains_with_xla(LEVEL, rows, steps=100), range(16)))
    assert len(chosen) == 1
    assert len(list(memory.iterdir())) == 1
