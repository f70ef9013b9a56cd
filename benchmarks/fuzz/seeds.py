"""Small whole tables of every kind, and what can happen to their bytes."""

import bz2
import gzip
import io
import json
import zipfile
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

ROWS = 24
TOKENS = (
    b'"', b"'", b",", b";", b"\t", b"|", b" ", b"\n", b"\r\n", b"\r", b"#", b"\\", b'""', b"?",
    b"NA", b"nan", b"inf", b"-inf", b"1e999", b"-1e308", b"1e-320", b"9223372036854775808", b"0x1f",
    b"00012", b"1_000", b"1,037", b"0,5", b"5%", b"$3", b"true", b"No", b"2020-01-31", b"20200131",
    b"31/12/99", b"12:30:15.5", b"9999999-99-99", b"\xc3\xa9", b"\xe2\x80\xaf", b"\xf0\x9f\x8d\x80",
    b"\xef\xbb\xbf", b"\xff\xfe", b"\xff", b"\0", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f" * 8,
    b"\xff\xff\xff\xff\x0f", b"\xff" * 9 + b"\x01", b"\x80", b"{", b"}", b"[", b"]", b"[[[[[[[[",
    b'{"a":', b"null", b"\\u0000", b"\\ud800", b"<row>", b"</row>", b"&#0;", b"A1:XFD1048576",
    b"'; DROP TABLE copy; --", b"', quote = '", b"\x1b[2J", b"PAR1", b"x" * 5000, b"," * 3000,
)  # fmt: skip
"""What is put in."""


def tables() -> list[tuple[str, bytes]]:
    """Suffix and content of each."""
    numbers = np.arange(ROWS * 3.0).reshape(ROWS, 3) % 7 / 4
    frame = pd.DataFrame(numbers, columns=["a", "b", "c"]).assign(
        n=range(ROWS),
        flag=np.arange(ROWS) % 2 == 0,
        day=pd.Timestamp("2020-01-30") + pd.to_timedelta(range(ROWS), "D"),
        word=["red", "a, b", ""] * (ROWS // 3),
        y=["p", "q"] * (ROWS // 2),
    )
    frame.loc[3, "a"] = np.nan
    return [*_texts(frame), *_json(frame), *_parquet(frame), (".xlsx", _sheet(frame))]


def changed(content: bytes, random: Random, others: list[bytes]) -> bytes:
    """The content after one to six changes."""
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 6))):
        start = random.randrange(len(content) + 1)
        end = min(len(content), start + random.choice((0, 0, 1, 2, 4, 8, 50, 400)))
        match random.randrange(9):
            case 0 | 1 | 2:
                new = random.choice(TOKENS)
            case 3:
                new = bytes(random.randrange(256) for _ in range(end - start or 1))
            case 4 if start < len(content):
                new, end = bytes([content[start] ^ 1 << random.randrange(8)]), start + 1
            case 5:
                new = content[start:end] * random.choice((2, 3, 40))
            case 6:
                other = random.choice(others)
                place = random.randrange(len(other) + 1)
                new = other[place : place + random.choice((4, 30, 300))]
            case 7:
                new, end = b"", len(content) if random.random() < 0.3 else end
            case _:
                new = random.choice(TOKENS) * random.choice((1, 2, 9))
        content = content[:start] + new + content[end:]
    return content


def _texts(frame: pd.DataFrame) -> list[tuple[str, bytes]]:
    comma = frame.to_csv(index=False)
    texts = [
        comma, frame.to_csv(), frame.to_csv(index=False, header=False), frame.to_csv(sep="\t"),
        frame.to_csv(sep=";", decimal=",", index=False), frame.to_csv(sep="|", quoting=1),
        frame.to_csv(sep=";", quotechar="'", quoting=2), comma.replace("\n", "\r\n"),
        "# said above\n" + comma, comma + "total,1\n", frame.to_string(index=False),
        frame.to_csv(index=False, escapechar="\\", doublequote=False, quoting=3),
    ]  # fmt: skip
    found = [(".csv", text.encode()) for text in texts]
    found += [(".csv", comma.encode(encoding)) for encoding in ("utf-8-sig", "utf-16", "utf-32")]
    found += [(".csv", comma.replace("red", "Köln Größe éàü").encode("cp1252"))]
    return [*found, (".csv.gz", gzip.compress(comma.encode(), mtime=0)),
            (".csv.zst", pa.compress(comma.encode(), "zstd", asbytes=True)),
            (".csv.bz2", bz2.compress(comma.encode()))]  # fmt: skip


def _json(frame: pd.DataFrame) -> list[tuple[str, bytes]]:
    records = json.loads(frame.to_json(orient="records", date_format="iso"))
    nested = [record | {"more": {"deep": [1, {"er": record["a"]}]}} for record in records]
    lines = ["\n".join(map(json.dumps, rows)) for rows in (records, nested)]
    whole = [json.dumps(rows) for rows in (records, nested)]
    found = [(".jsonl", text.encode()) for text in lines]
    found += [(".json", text.encode()) for text in whole]
    return [*found, (".jsonl.gz", gzip.compress(lines[0].encode(), mtime=0))]


def _parquet(frame: pd.DataFrame) -> list[tuple[str, bytes]]:
    nested = pa.table(
        {
            "a": frame.n / 3, "words": frame.word, "y": frame.y,
            "lists": [[1, 2], None, []] * (ROWS // 3), "bytes": [b"\xff\0"] * ROWS,
            "record": [{"u": 1, "v": "x"}] * ROWS,
            "decimal": pa.array(range(ROWS)).cast(pa.decimal128(24, 3)),
            "time": pa.array(range(ROWS), pa.int32()).cast(pa.time32("s")),
        }
    )  # fmt: skip
    flat = pa.Table.from_pandas(frame, preserve_index=False)
    packings = ("none", "snappy", "gzip", "zstd", "lz4")
    ways: list[tuple[pa.Table, dict[str, Any]]] = [(flat, {"compression": p}) for p in packings]
    ways += [(nested, {"compression": "none"}), (nested, {"compression": "brotli"})]
    plain: dict[str, Any] = {"compression": "none", "use_dictionary": False}
    ways += [(flat, plain), (flat, plain | {"data_page_version": "2.0"})]
    encodings = {"a": "BYTE_STREAM_SPLIT", "n": "DELTA_BINARY_PACKED", "word": "DELTA_BYTE_ARRAY"}
    ways += [(flat, plain | {"column_encoding": encodings})]
    ways += [(flat, plain | {"column_encoding": {"word": "DELTA_LENGTH_BYTE_ARRAY"}})]
    ways += [(flat, {"compression": "none", "row_group_size": 5, "write_page_index": True})]
    found = []
    for table, options in ways:
        file = io.BytesIO()
        pyarrow.parquet.write_table(table, file, **options)
        found.append((".parquet", file.getvalue()))
    return found


def _sheet(frame: pd.DataFrame) -> bytes:
    """The least .xlsx file."""

    def cell(value: object) -> str:
        if isinstance(value, str | pd.Timestamp):
            return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
        return f"<c><v>{value}</v></c>"

    rows = [list(frame.columns), *frame.itertuples(index=False)]
    body = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    members = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override '
        'PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        'spreadsheetml.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {main} xmlns:r="{office}"><sheets>'
        '<sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/a.xml"/>'
        "</Relationships>",
        "xl/worksheets/a.xml": f"<worksheet {main}><sheetData>{body}</sheetData></worksheet>",
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return file.getvalue()
