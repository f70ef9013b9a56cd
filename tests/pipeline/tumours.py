"""Benign tumours as normal rows, of which malignant ones are to be told."""

import numpy as np
from sklearn.datasets import load_breast_cancer

from pipeline.data.detection_rows import DetectionRows
from pipeline.data.trial_rows import Labelled


def tumours() -> DetectionRows:
    """200 benign tumours train, 100 are held out; 57 and all malignant ones test."""
    rows, benign = load_breast_cancer(return_X_y=True)
    normal = rows[benign == 1]
    scaled = ((rows - normal.mean(axis=0)) / normal.std(axis=0)).astype("float32")
    normal, malignant = scaled[benign == 1], scaled[benign == 0]
    tested = np.concatenate([normal[300:], malignant])
    labels = np.repeat([0, 1], [len(normal) - 300, len(malignant)])
    return DetectionRows(
        normal=normal[:200],
        references=normal[:200],
        held_out=normal[200:300],
        known=malignant[:0],
        validation=Labelled(normal[200:300], np.zeros(100, int)),
        test=Labelled(tested, labels),
        columns=tuple(range(30)),
        column_count=30,
    )
