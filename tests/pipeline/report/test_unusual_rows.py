"""Pictures of the rows that are least like normal ones."""

import numpy as np

from pipeline.report import figures
from pipeline.report.unusual_rows import PICTURED, alarms, unusual_images


def test_the_most_unusual_images_stand_above_where_they_are_unusual(monkeypatch):
    drawn = []
    real = figures.image_grid
    monkeypatch.setattr(figures, "image_grid", lambda *given: drawn.append(given) or real(*given))
    rng = np.random.default_rng(0)
    rows = rng.random((40, 64))
    shares = rng.dirichlet(np.ones(64), 40)
    outputs = np.column_stack([np.arange(40), np.zeros((40, 2)), shares])
    section = unusual_images(outputs, rows, (8, 8))
    ((images, across),) = drawn
    assert across == PICTURED
    np.testing.assert_allclose(images[0], rows[39].reshape(8, 8))
    below = images[PICTURED].ravel()
    assert below.argsort()[:60].tolist() == shares[39].argsort()[:60].tolist()
    assert section.png.startswith(b"\x89PNG")


def test_alarms_are_counted_of_normal_rows_and_of_anomalies():
    p_values = np.array([0.01, 0.05, 0.2, 0.04, 0.5])
    outputs = np.column_stack([np.zeros((5, 2)), p_values, np.ones(5)])
    found = alarms(outputs, np.array([False, False, False, True, True]), 0.05)
    assert found.table.rows == [("normal", "3", "2", "66.7%"), ("anomaly", "2", "1", "50.0%")]
    assert len(alarms(outputs, np.zeros(5, bool), 0.05).table.rows) == 1
