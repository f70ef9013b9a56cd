"""Files that DuckDB does not read, written again as plain text: other encodings, spreadsheets."""

import codecs
import io
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import charset_normalizer
import pyarrow as pa

from pipeline.data.sources.tables.opening.apart import asked
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
PACKED = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}
"""What a file that is called so should be packed by."""
PACKINGS = {rb"\x1f\x8b": "gzip", rb"\x28\xb5\x2f\xfd": "zstd", rb"BZh[1-9]1AY&SY": "bz2"}
"""What a packed file begins with. Browsers unpack what they load and keep its name."""
OTHER_KINDS = {
    b"PK\x03\x04": ("a spreadsheet or another ZIP archive", ".xlsx or .ods, or unpack it"),
    b"\xd0\xcf\x11\xe0": ("an old spreadsheet", ".xls"),
    b"PAR1": ("Parquet", ".parquet"),
}
"""What files of other kinds begin with, and what they should be called."""
TEXT = "utf-8"
SHEETS = (".xlsx", ".xls", ".xlsb", ".ods")
PARQUET = (".parquet", ".pq")
TYPED = (*PARQUET, ".json", ".jsonl", ".ndjson")
"""Files whose cells have types."""
DISK_SHARE = 2
"""A copy may take this part of what is free: a few bytes can unpack to a full disk."""
_PATTERN = set("*?[")
SHEET = "pipeline.data.sources.tables.opening.sheet"
LONGEST = 2**24
"""Characters of a line that are looked at at a time."""


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
            for mark, (kind, suffix) in OTHER_KINDS.items():
                if start.startswith(mark):
                    raise InputError(
                        f"The name of a table's file must say its kind. {file.name} is {kind}: "
                        f"call it {suffix}."
                    ) from error
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
    return pa.input_stream(str(file), compression=_packing_of(file))


def _packing_of(file: Path) -> str | None:
    """What a file is packed by, whatever it is called."""
    with file.open("rb") as stream:
        start = stream.read(16)
    return next((name for mark, name in PACKINGS.items() if re.match(mark, start)), None)


def _is_misnamed(file: Path) -> bool:
    """Whether a file is packed otherwise than its name says, which is what DuckDB goes by."""
    return _packing_of(file) != PACKED.get(file.suffix.lower())


@contextmanager
def lines_of(file: Path) -> Iterator[Iterator[str]]:
    """The lines of a UTF-8 file, unpacked; overlong ones in parts."""
    with opened(file) as packed, io.TextIOWrapper(packed, encoding="utf-8-sig") as lines:
        yield iter(partial(lines.readline, LONGEST), "")


def in_utf8(file: Path, encoding: str, folder: Path, suffix: str = ".csv") -> Path:
    """A copy of a text file, unpacked, in UTF-8.

    Raises:
        InputError: where it is of another encoding, and where it would fill the disk.
    """
    copy = copy_in(folder, suffix)
    room = room_in(folder)
    strict = codecs.getincrementaldecoder(encoding)(errors="strict")
    decoder = io.IncrementalNewlineDecoder(strict, translate=True)
    with opened(file) as stream, copy.open("w", encoding=TEXT, newline="") as out:
        try:
            while block := stream.read(BLOCK):
                out.write(decoder.decode(block))
                if out.tell() > room:
                    raise InputError(
                        f"{file.name} unpacks to more than {room / 2**30:,.1f} GiB, half of what "
                        f"is free in {folder.parent}. Make room, or set TMPDIR to another folder."
                    )
            out.write(decoder.decode(b"", final=True))
        except UnicodeDecodeError as error:
            raise InputError(
                f"{file.name} cannot be read as {encoding}: {error.reason}. Convert it, for "
                "example with: iconv -f latin1 -t utf-8."
            ) from error
    return copy


def _ends_twice(file: Path) -> bool:
    r"""Whether lines end with \r\r\n, as where a file was made into one of Windows two times."""
    with opened(file) as stream:
        return b"\r\r\n" in stream.read(BLOCK)


def check_unpacks(file: Path) -> None:
    """Read a packed file once: DuckDB never ends on some of the damaged ones."""
    if _packing_of(file):
        with opened(file) as stream:
            while stream.read(BLOCK):
                pass


def as_path(file: Path, folder: Path) -> Path:
    """The file, or a link to it, under a name that DuckDB takes for no pattern and no home."""
    path = file.absolute()
    if not _PATTERN & set(str(path)):
        return path
    link = copy_in(folder, "".join(path.suffixes[-2:]))
    link.symlink_to(path)
    return link


def copy_in(folder: Path, suffix: str = ".csv") -> Path:
    """The path of a new file."""
    return folder / f"{len(list(folder.iterdir()))}{suffix}"


def room_in(folder: Path) -> int:
    """Bytes that a copy may take."""
    return shutil.disk_usage(folder).free // DISK_SHARE


def as_plain_text(
    file: Path, sheet: str | None, most: int, folder: Path
) -> tuple[Path, str | None]:
    """The file, or a copy that DuckDB can read, and the encoding that people may want to know.

    `most`: bytes of memory that a spreadsheet may take.

    Raises:
        InputError: for what is no text, and for an unclear sheet.
    """
    suffixes = [suffix.lower() for suffix in file.suffixes]
    if suffixes[-1] in SHEETS:
        return sheet_as_text(file, sheet, most, folder), None
    if typed := next((suffix for suffix in suffixes if suffix in TYPED), None):
        if _is_misnamed(file) and typed not in PARQUET:
            return in_utf8(file, TEXT, folder, typed), None
        check_unpacks(file)
        return as_path(file, folder), None
    encoding = encoding_of(file)
    can_stay = suffixes[-1] != ".bz2" and not _is_misnamed(file) and not _ends_twice(file)
    if encoding == TEXT and can_stay:
        return as_path(file, folder), None
    told = None if encoding in (TEXT, "utf-8-sig") else encoding
    return in_utf8(file, encoding, folder), told


def sheet_as_text(file: Path, sheet: str | None, most: int, folder: Path) -> Path:
    """A sheet of a spreadsheet as text: the one that is named, or the only one with cells.

    Raises:
        InputError: for a damaged file, for one that needs more than `most` bytes of memory, and
            where the sheet is not clear.
    """
    copy = copy_in(folder)
    request = {"file": str(file), "copy": str(copy), "sheet": sheet}
    found = asked(SHEET, request, most, room_in(folder)) or {}
    if "names" not in found:
        why = found.get("error", "it is damaged, or needs more than data.memory")
        raise InputError(f"{file.name} cannot be read as a spreadsheet: {why.rstrip('.')}.")
    if sheet is None and len(found["filled"]) != 1:
        raise InputError(
            f"Of a spreadsheet with several sheets one must be named. {file.name} has "
            f"{', '.join(map(repr, found['filled'])) or 'no sheet with cells'}. Set data.sheet."
        )
    if sheet is not None and sheet not in found["names"]:
        raise InputError(
            f"data.sheet must name a sheet of the file. Given: {sheet!r}. {file.name} has "
            f"{', '.join(map(repr, found['names']))}."
        )
    return copy


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
