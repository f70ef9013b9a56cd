"""Files that DuckDB does not read, written again as plain text: other encodings, spreadsheets."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TextIO

import charset_normalizer
import pyarrow as pa
from python_calamine import CalamineWorkbook

from pipeline.errors import InputError

BLOCK = 2**20
"""Bytes that are looked at at a time."""
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""What a file may begin with, and the encoding that it says. UTF-32 first: its mark begins with
that of UTF-16."""
LIKELIEST = "cp1252"
ENCODINGS = (
    *(LIKELIEST, "cp1250", "cp1251", "cp1253", "cp1254"),
    *("gb18030", "big5", "shift_jis", "euc_jp", "euc_kr"),
)
"""What text is in that is not in Unicode."""
UNCLEAR = 20
"""Letters that are not ASCII; of fewer nobody can tell the encoding."""
LOOKED_AT = 1_000
"""Lines, for spaces between columns."""
PACKED = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}
TEXT = "utf-8"
SHEETS = (".xlsx", ".xls", ".xlsb", ".ods")
TYPED = (".parquet", ".pq", ".json", ".jsonl", ".ndjson")
"""Files whose cells have types."""


def encoding_of(file: Path) -> str:
    """The encoding of a text file, compressed or not."""
    with opened(file) as stream:
        start = stream.read(BLOCK)
        for mark, encoding in MARKS:
            if start.startswith(mark):
                return encoding
        decoder = codecs.getincrementaldecoder(TEXT)()
        block = start
        try:
            while block:
                if b"\0" in block:
                    raise UnicodeDecodeError(TEXT, block, 0, 1, "no text has NUL")
                decoder.decode(block)
                block = stream.read(BLOCK)
            decoder.decode(b"", final=True)
            return TEXT
        except UnicodeDecodeError as error:
            if _every_other_byte_is_zero(start):
                return "utf-16-le"
            if b"\0" in block:
                raise InputError(
                    f"A table in text has no NUL characters. {file.name} has some: it is of "
                    "another kind, or damaged. Write it again."
                ) from error
            return _guessed(block)


def opened(file: Path) -> pa.NativeFile:
    """The bytes of a file, unpacked."""
    return pa.input_stream(str(file), compression=PACKED.get(file.suffix.lower()))


@contextmanager
def lines_of(file: Path) -> Iterator[TextIO]:
    """The lines of a UTF-8 file, unpacked."""
    with opened(file) as packed, io.TextIOWrapper(packed, encoding="utf-8-sig") as lines:
        yield lines


def in_utf8(file: Path, encoding: str, folder: Path) -> Path:
    """A copy of a text file, unpacked, in UTF-8."""
    copy = folder / f"{len(list(folder.iterdir()))}.csv"
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
    with opened(file) as stream, copy.open("w", encoding=TEXT, newline="") as out:
        try:
            while block := stream.read(BLOCK):
                out.write(decoder.decode(block))
            out.write(decoder.decode(b"", final=True))
        except UnicodeDecodeError as error:
            raise InputError(
                f"{file.name} cannot be read as {encoding}: {error.reason}. Convert it, for "
                "example with: iconv -f latin1 -t utf-8."
            ) from error
    return copy


def as_plain_text(file: Path, sheet: str | None, folder: Path) -> tuple[Path, str | None]:
    """The file, or a copy that DuckDB can read, and the encoding that people may want to know.

    Raises:
        InputError: for what is no text, and for an unclear sheet.
    """
    suffixes = [suffix.lower() for suffix in file.suffixes]
    if suffixes[-1] in SHEETS:
        return sheet_as_text(file, sheet, folder), None
    if any(suffix in TYPED for suffix in suffixes):
        return file, None
    encoding = encoding_of(file)
    if encoding == TEXT and suffixes[-1] != ".bz2":
        return file, None
    told = None if encoding in (TEXT, "utf-8-sig") else encoding
    return in_utf8(file, encoding, folder), told


def columns_by_spaces(file: Path) -> int:
    """How many columns there are where spaces part them, as in tables that are padded; 0: none."""
    with lines_of(file) as lines:
        widths = [len(line.split()) for line in islice(lines, LOOKED_AT) if line.strip()]
    most = max(set(widths), key=widths.count, default=0)
    return most if most > 1 and widths.count(most) >= 0.9 * len(widths) else 0


def without_padding(file: Path, folder: Path) -> Path:
    """A copy of a text file whose columns are parted by spaces, with commas."""
    copy = folder / f"{len(list(folder.iterdir()))}.csv"
    quoted = re.compile(r"\"[^\"]*\"|'[^']*'")
    cells = re.compile(rf"(?:{quoted.pattern})(?=\s|$)|\S+")
    with (
        lines_of(file) as lines,
        copy.open("w", encoding=TEXT, newline="") as out,
    ):
        writer = csv.writer(out)
        for line in lines:
            if found := cells.findall(line):
                writer.writerow([cell[1:-1] if quoted.fullmatch(cell) else cell for cell in found])
    return copy


def sheet_as_text(file: Path, sheet: str | None, folder: Path) -> Path:
    """A sheet of a spreadsheet as text: the one that is named, or the only one with cells.

    Raises:
        InputError: for a damaged file, and where the sheet is not clear.
    """
    try:
        book = CalamineWorkbook.from_path(str(file))
        filled = [name for name in book.sheet_names if book.get_sheet_by_name(name).total_height]
    except Exception as error:  # calamine has a class of errors for each kind of file
        raise InputError(f"{file.name} cannot be read as a spreadsheet: {error}.") from error
    if sheet is None and len(filled) != 1:
        raise InputError(
            f"Of a spreadsheet with several sheets one must be named. {file.name} has "
            f"{', '.join(map(repr, filled)) or 'no sheet with cells'}. Set data.sheet."
        )
    wanted = sheet if sheet is not None else filled[0]
    if wanted not in book.sheet_names:
        raise InputError(
            f"data.sheet must name a sheet of the file. Given: {wanted!r}. {file.name} has "
            f"{', '.join(map(repr, book.sheet_names))}."
        )
    copy = folder / f"{len(list(folder.iterdir()))}.csv"
    with copy.open("w", encoding=TEXT, newline="") as out:
        writer = csv.writer(out)
        for row in book.get_sheet_by_name(wanted).to_python():
            writer.writerow([_cell(value) for value in row])
    return copy


def _cell(value: object) -> object:
    """A cell as text: whole numbers without a point, as a spreadsheet shows them."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _every_other_byte_is_zero(start: bytes) -> bool:
    return len(start) > 3 and start[1::2].count(0) > 0.9 * len(start[1::2])


def _guessed(block: bytes) -> str:
    """The most likely encoding of text that is not Unicode: of Windows, where it is unclear."""
    foreign = sum(byte > 127 for byte in block)
    if foreign < UNCLEAR:
        return LIKELIEST
    found = charset_normalizer.from_bytes(block, cp_isolation=list(ENCODINGS)).best()
    if not found or block.decode(LIKELIEST, "replace") == str(found):
        return LIKELIEST
    return found.encoding
