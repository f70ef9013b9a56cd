"""Rows as noise left them, as the model gives them, and as they were."""

import numpy as np

from pipeline.report import figures
from pipeline.report.section import Section, png

SHOWN = 16
LINES = 4


def restored_rows(
    noisy: np.ndarray, given: np.ndarray, clean: np.ndarray, image_shape: tuple[int, ...] | None
) -> Section:
    """The first of these scaled rows (rows, features): images, or lines over the features."""
    rows = "test rows that no arm was trained on"
    if image_shape is not None:
        parts = [part[:SHOWN].reshape(-1, *image_shape) for part in (noisy, given, clean)]
        # What lies beyond the range of clean images is noise, and cannot be shown.
        shown = np.clip(np.concatenate(parts), clean.min(), clean.max())
        figure = figures.image_grid(shown, len(parts[0]))
        words = f"Three rows of images: {rows} with noise, without it, and as they were."
    else:
        figure = figures.restored_lines(noisy[:LINES], given[:LINES], clean[:LINES])
        words = (
            f"Of each of {min(LINES, len(clean))} {rows} the scaled features from left to right: "
            "dots with noise, a line without it, and a grey line as they were."
        )
    return Section(
        "restored",
        "Noisy, denoised, clean",
        f"Of the exported model. {words}",
        words,
        png(figure),
        picture=image_shape is not None,
    )
