"""The report of a run: one HTML file that needs no network, and its figures."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from layers import SparseAutoencoder
from pipeline.config.untrained import UntrainedLevel
from pipeline.data.page import DataPage
from pipeline.evaluation.metrics import NAMES
from pipeline.evaluation.summary import Summary
from pipeline.report import figures
from pipeline.report.data_html import TEMPLATES
from pipeline.report.tables import headline, notes, seed_count, tables
from pipeline.report.verdict import verdict_sentence
from pipeline.tasks.metric import Reliability
from pipeline.training.stack import encode, stacked_decoder

SHOWN_ROWS = 2000
"""Validation rows that units and reconstructions are looked at with."""
SHOWN_UNITS = 64
EXCITING_ROWS = 9
"""A deep unit is shown as the mean of the rows that excite it most."""


class Section(NamedTuple):
    """A figure with its heading."""

    name: str
    """Of its file."""
    title: str
    note: str
    png: bytes
    level: int | None = None
    """The level that it is about, from 1."""


class TrialDiagnostics(NamedTuple):
    """What the trials of a run show beside their scores."""

    confusion: Mapping[str, np.ndarray]
    """For each arm shown: counts by true class (rows) and predicted class (columns)."""
    calibration: Mapping[str, Reliability]
    """For each arm shown, where there are probabilities."""
    labels: int
    """The label budget that both are of."""
    moved: Mapping[str, Mapping[int, Sequence[float]]]
    """For each arm and label budget: the distance that each level's weights moved."""


def comparison_sections(summary: Summary, trials: TrialDiagnostics) -> list[Section]:
    """Scores, paired differences, confusion, and what fine-tuning changed."""
    rows, metric = summary["comparison"], summary["metric"]
    several = seed_count(summary) > 1
    sections = [
        Section(
            "scores",
            f"{NAMES[metric]} over labels",
            "Mean over seeds on the test rows, with its 95 % interval. Intervals of two arms may "
            "overlap although their paired difference is clear: see below."
            if several
            else "On the test rows, for one seed.",
            _png(figures.scores_over_labels(rows, metric)),
        )
    ]
    paired = [row for row in rows if row["gain"]]
    if paired and several:
        sections.append(
            Section(
                "gains",
                "Gain, seed by seed",
                "Each dot is pretrained minus random for one seed: same labels, same head, same "
                "batches. The square is their mean with its 95 % interval.",
                _png(figures.paired_differences(paired, metric)),
            )
        )
    if trials.confusion:
        sections.append(
            Section(
                "confusion",
                f"Confusion matrix at {trials.labels:,} labels",
                "Test rows of all seeds: true classes downward, predicted classes across, in "
                "per cent of the true class.",
                _png(figures.confusion(trials.confusion, summary["data"]["classes"])),
            )
        )
    if trials.calibration:
        sections.append(
            Section(
                "calibration",
                f"Calibration at {trials.labels:,} labels",
                "Test rows of all seeds, by the probability given to what was predicted: points on "
                "the line are as often right as they say, points below it less often. Larger "
                "points are more rows.",
                _png(figures.calibration(trials.calibration)),
            )
        )
    if trials.moved:
        sections.append(
            Section(
                "movement",
                "What fine-tuning changed",
                "How far each level's weights moved from where they began (Euclidean distance as a "
                "share of their norm), mean over seeds. Weights that hardly move keep what "
                "pretraining gave them; the random arm beside it shows what is usual.",
                _png(figures.movement(trials.moved)),
            )
        )
    return sections


def level_sections(
    stack: Sequence[UntrainedLevel],
    autoencoders: Sequence[SparseAutoencoder],
    histories: Sequence[Mapping[str, Sequence[float]]],
    rows: np.ndarray,
    image_shape: tuple[int, ...] | None,
) -> list[Section]:
    """Learning curves, activation densities, units and reconstructions, on rows (rows, features).

    Units and reconstructions are shown where rows are images.
    """
    sections = []
    read = rows
    for number, (autoencoder, history) in enumerate(zip(autoencoders, histories, strict=True), 1):
        sections.append(
            Section(
                f"level-{number}-curves",
                f"Level {number}: learning curves",
                "The loss is of the training rows; the rest is measured on validation rows after "
                "each epoch. Explained variance near 1 is a good reconstruction; dead units are "
                "active for no row.",
                _png(figures.learning_curves(history)),
                number,
            )
        )
        activations, code = (encode(autoencoder, read, what) for what in ("activations", "code"))
        share = np.asarray(autoencoder.active(code)).mean(axis=0)
        sections.append(
            Section(
                f"level-{number}-density",
                f"Level {number}: how often units are active",
                "A peak at 0 is dead units, a peak at 1 units that tell nothing apart.",
                _png(figures.density(share, len(code))),
                number,
            )
        )
        if image_shape:
            shown = np.argsort(-share, kind="stable")[:SHOWN_UNITS]
            sections.append(_units(number, autoencoder, activations, rows, image_shape, shown))
            decoder = stacked_decoder(stack[:number], autoencoders[:number])
            back = np.asarray(decoder(code[: figures.ACROSS]))
            corrupted = any(below.corruption for below in autoencoders[:number])
            sections.append(_reconstructions(number, rows, back, image_shape, corrupted))
        read = code if stack[number - 1].passes_on == "code" else activations
    return sections


def _units(
    number: int,
    autoencoder: SparseAutoencoder,
    activations: np.ndarray,
    rows: np.ndarray,
    image_shape: tuple[int, ...],
    shown: np.ndarray,
) -> Section:
    if number == 1:
        images = np.asarray(autoencoder.encoder.kernel).T[shown]
        note = "Weights from the pixels to each unit, for the units that are active most often."
    else:
        strongest = np.argsort(-activations[:, shown], axis=0)[:EXCITING_ROWS]
        images = rows[strongest].mean(axis=0)
        note = (
            f"For each of the units that are active most often, the mean of the {EXCITING_ROWS} "
            "validation rows that excite it most."
        )
    grid = _png(figures.image_grid(images.reshape(-1, *image_shape)))
    return Section(f"level-{number}-units", f"Level {number}: units", note, grid, number)


def _reconstructions(
    number: int,
    rows: np.ndarray,
    back: np.ndarray,
    image_shape: tuple[int, ...],
    corrupted: bool,
) -> Section:
    images = np.concatenate([rows[: len(back)], back]).reshape(-1, *image_shape)
    note = "Validation rows above, what is decoded from their code at this level below."
    if corrupted:
        note += " Training showed corrupted rows only, so clean ones come back less sharp."
    return Section(
        f"level-{number}-reconstructions",
        f"Level {number}: rows and their reconstructions",
        note,
        _png(figures.image_grid(images)),
        number,
    )


def report_html(summary: Summary, data: DataPage, sections: Sequence[Section]) -> str:
    """The whole report; figures are inside, so that the file stands alone."""
    return TEMPLATES.get_template("page.html.j2").render(
        summary=summary,
        data=data,
        verdict=verdict_sentence(summary),
        headline=headline(summary),
        tables=tables(summary),
        notes=notes(summary),
        sections=[
            {"title": s.title, "note": s.note, "png": base64.b64encode(s.png).decode()}
            for s in sections
        ],
    )


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
