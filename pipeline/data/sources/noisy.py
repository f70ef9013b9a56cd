"""Rows with their noise from a second source, beside those of the first."""

from dataclasses import replace

from pipeline.counting import counted
from pipeline.data.rows.memory import check_fits
from pipeline.data.rows.streamed import StreamedRows
from pipeline.data.source import RawRows, Source
from pipeline.errors import InputError


def with_noisy(source: Source, noisy: RawRows, where: str) -> Source:
    """The source with each row as it is with its noise.

    Raises:
        InputError: where there are more or fewer of them, where the source's own rows stay on disk,
            or both do not fit in memory.
    """
    if isinstance(source.numbers, StreamedRows):
        raise InputError(
            f"data.noisy_rows is read into memory. Given: {where}, and {source.name}, whose rows "
            "need more than data.memory. Raise data.memory, or give fewer rows."
        )
    if len(noisy.numbers) != source.rows:
        raise InputError(
            "data.noisy_rows needs the rows of the source in the same order, each with its noise. "
            f"Given: {where} with {counted(len(noisy.numbers), 'row')}, and {source.name} with "
            f"{source.rows:,}. Make them as many."
        )
    check_fits(2 * source.rows * len(source.columns), 8, f"{source.name} with {where}")
    return replace(source, noisy=noisy, notes=(*source.notes, *noisy.notes))
