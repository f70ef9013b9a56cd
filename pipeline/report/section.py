"""A part of the report: a figure, or a table, with its heading."""

import io
from typing import NamedTuple

from matplotlib.figure import Figure

from pipeline.report.tables import TextTable

DOTS_PER_INCH = 150
"""Sharp on a phone, whose pixels are small, at some ten kilobytes for a figure of lines."""


class Section(NamedTuple):
    """A figure with its heading."""

    name: str
    """Of its file."""
    title: str
    note: str
    alt: str
    """What it shows, for who does not see it."""
    png: bytes
    level: int | None = None
    """The level that it is about, from 1."""
    picture: bool = False
    """Whether its tones are those of images, which a dark page leaves as they are."""


class TableSection(NamedTuple):
    """A table with its heading."""

    title: str
    note: str
    table: TextTable


def png(figure: Figure) -> bytes:
    """The figure as a file, in as few bytes as its colours allow."""
    from PIL import Image  # matplotlib comes with it

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH)
    packed = io.BytesIO()
    with Image.open(buffer) as drawn:
        transparent = drawn.getchannel("A").getextrema() != (255, 255)
        # Of these only the first keeps transparency, and only the second keeps white white.
        method = Image.Quantize.FASTOCTREE if transparent else Image.Quantize.MEDIANCUT
        few = (drawn if transparent else drawn.convert("RGB")).quantize(
            256, method=method, dither=Image.Dither.NONE
        )
        few.save(packed, format="png", optimize=True)
    return packed.getvalue()
