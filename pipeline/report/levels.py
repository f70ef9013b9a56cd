"""What the report shows of each level: how it was trained, and what its units learned."""

from collections.abc import Mapping, Sequence

import numpy as np

from layers import SparseAutoencoder
from pipeline.config.untrained import UntrainedLevel
from pipeline.counting import counted
from pipeline.data.features.preprocessing import Preprocessing
from pipeline.report import alt_texts, figures
from pipeline.report.learned import added_by_units, unit_table
from pipeline.report.section import Section, TableSection, png
from pipeline.training.stack import encode, stacked_decoder

SHOWN_ROWS = 2000
"""Validation rows that units and reconstructions are looked at with."""
SHOWN_UNITS = 64
EXCITED_UNITS = figures.ACROSS
EXCITING_ROWS = 5
"""Of each of these units."""
DENSE = 0.5
"""The share of rows for which a unit that is active for more is called dense."""


def level_sections(
    stack: Sequence[UntrainedLevel],
    autoencoders: Sequence[SparseAutoencoder],
    histories: Sequence[Mapping[str, Sequence[float]]],
    rows: np.ndarray,
    image_shape: tuple[int, ...] | None,
    preprocessing: Preprocessing,
) -> list[Section | TableSection]:
    """Learning curves, activation densities, units and reconstructions, on rows (rows, features).

    Units are pictures where rows are images, and else columns in words.
    """
    sections: list[Section | TableSection] = []
    read = rows
    for number, (autoencoder, history) in enumerate(zip(autoencoders, histories, strict=True), 1):
        sections.append(
            Section(
                f"level-{number}-curves",
                f"Level {number}: learning curves",
                "The loss is of the training rows; the rest is measured on validation rows after "
                "each epoch. Explained variance near 1 is a good reconstruction; dead units are "
                "active for no row.",
                alt_texts.curves_text(history),
                png(figures.learning_curves(history)),
                number,
            )
        )
        activations, code = (encode(autoencoder, read, what) for what in ("activations", "code"))
        active = np.asarray(autoencoder.active(code)) > 0
        share = active.mean(axis=0)
        sections.append(
            Section(
                f"level-{number}-density",
                f"Level {number}: how often units are active",
                density_note(share, len(code)),
                alt_texts.density_text(share),
                png(figures.density(share, len(code))),
                number,
            )
        )
        alive = [unit for unit in np.argsort(-share, kind="stable").tolist() if share[unit]]
        decoder = stacked_decoder(stack[:number], autoencoders[:number])
        if image_shape:
            if alive:
                shown = alive[:SHOWN_UNITS]
                added = added_by_units(decoder, code, active, shown)
                sections.append(_units(number, added.reshape(-1, *image_shape)))
                sections.append(_exciting(number, added, code[:, shown], rows, image_shape))
            back = np.asarray(decoder(code[: figures.ACROSS]))
            corrupted = any(below.corruption for below in autoencoders[:number])
            sections.append(_reconstructions(number, rows, back, image_shape, corrupted))
        elif alive:
            table = unit_table(decoder, code, active, alive, rows, preprocessing)
            sections.append(
                TableSection(
                    f"Level {number}: what units stand for",
                    "For the units that are active most often, what a unit changes in the "
                    "reconstruction of the rows that it is active for, beside the same code "
                    "without it: columns of numbers in their own units, values of a category in "
                    "points of their share. The largest changes come first, measured in standard "
                    "deviations of the column.",
                    table,
                )
            )
        read = code if stack[number - 1].passes_on == "code" else activations
    return sections


def density_note(share: np.ndarray, rows: int) -> str:
    """How many units of a level are dead and how many dense, and what that means."""
    dead, dense = int(np.sum(share == 0)), int(np.sum(share > DENSE))
    return (
        f"Of {counted(len(share), 'unit')} {dead:,} {'is' if dead == 1 else 'are'} dead (active "
        f"for none of the {counted(rows, 'validation row')} looked at) and {dense:,} "
        f"{'is' if dense == 1 else 'are'} dense (active for more than half of them). A dead unit "
        "does no work; one that is always active tells no rows apart."
    )


def _units(number: int, images: np.ndarray) -> Section:
    return Section(
        f"level-{number}-units",
        f"Level {number}: units",
        "For the units that are active most often, what a unit adds to the reconstruction of the "
        "rows that it is active for: its column of the decoder, through the levels below. Bright "
        "is more, dark is less.",
        f"{counted(len(images), 'picture')}, of what each of the units of level {number} adds to a "
        "reconstruction.",
        png(figures.image_grid(images)),
        number,
        picture=True,
    )


def _exciting(
    number: int,
    added: np.ndarray,
    code: np.ndarray,
    rows: np.ndarray,
    image_shape: tuple[int, ...],
) -> Section:
    units = min(EXCITED_UNITS, len(added))
    strongest = np.argsort(-code[:, :units], axis=0, kind="stable")[:EXCITING_ROWS]
    images = np.concatenate([added[:units], rows[strongest].reshape(-1, rows.shape[1])])
    return Section(
        f"level-{number}-exciting",
        f"Level {number}: rows that excite a unit most",
        f"The first {counted(units, 'unit')} of those above, one in each column; below it the "
        f"{len(strongest)} validation rows that excite it most.",
        f"{counted(units, 'unit')} of level {number}, each above the {len(strongest)} rows that "
        "excite it most.",
        png(figures.image_grid(images.reshape(-1, *image_shape), units)),
        number,
        picture=True,
    )


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
    error = float(np.mean(np.square(rows[: len(back)] - back)))
    return Section(
        f"level-{number}-reconstructions",
        f"Level {number}: rows and their reconstructions",
        note,
        f"{counted(len(back), 'row')} and below each its reconstruction; their mean squared error "
        f"is {error:.3g}.",
        png(figures.image_grid(images, len(back))),
        number,
        picture=True,
    )
