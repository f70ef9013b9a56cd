"""Which rows a trial of anomaly detection sees."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from pipeline.config.data import DataConfig
from pipeline.config.task import AnomalyTask
from pipeline.data.detection_rows import detection_rows
from pipeline.data.prepared import prepare


@pytest.mark.parametrize(("source", "images"), [("images.npz", True), ("rows.npz", False)])
def test_rows_are_images_where_the_source_has_their_height_and_width(
    source: str, images: bool, tmp_path: Path
):
    digits = load_digits()
    np.savez(tmp_path / "images.npz", x=digits.images)
    np.savez(tmp_path / "rows.npz", x=digits.data)
    data = prepare(
        DataConfig(source=str(tmp_path / source), label=[]), AnomalyTask(), 0, tmp_path / "data"
    )
    assert detection_rows(data, 0).images is images
