"""What the tests of tracking share."""

from pathlib import Path

import pytest

from pipeline.tracking.tracker import Tracker


@pytest.fixture
def tracker(uri: str) -> Tracker:
    return Tracker(uri, "made")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "weights.bin"
    path.write_bytes(bytes(range(256)))
    return path
