"""Rows that need more memory than there is are refused before anything is done."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.flows.conftest import Layerwise
from tests.flows.faults.conftest import Table
from tests.flows.faults.outcome import client, runs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
IMAGES = 100_000_000
PIXELS = 28


def written(file: Path, header: list[int], size: int) -> None:
    """A file of a size that takes no room on the disk, for all but its header is a hole."""
    with file.open("wb") as opened:
        opened.write(bytes([0, 0, 8, len(header)]) + np.array(header, ">u4").tobytes())
        opened.truncate(4 + 4 * len(header) + size)


def test_a_run_over_more_rows_than_fit(
    make_workspace: Callable[[str], Path], layerwise: Layerwise, table: Table
):
    folder = make_workspace("memory")
    data = folder / "images"
    data.mkdir()
    pixels = IMAGES * PIXELS * PIXELS
    written(data / "train-images-idx3-ubyte", [IMAGES, PIXELS, PIXELS], pixels)
    written(data / "train-labels-idx1-ubyte", [IMAGES], IMAGES)
    refused = layerwise("run", "--data", "images", folder=folder)
    assert refused.returncode == 2
    assert "Rows must fit in memory" in refused.stderr
    assert f"announces {pixels:,} values" in refused.stderr and "GiB are needed" in refused.stderr
    assert runs(client(folder)) == []
    table.add("more rows than memory", 1, 0, "nothing was begun", None)
