"""Files made to do harm: nothing in them is run, and nothing is expanded beyond what fits."""

import bz2
import gzip
import io
import os
import pickle
import shutil
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from pipeline.config.data import DataConfig
from pipeline.data.rows import memory
from pipeline.data.source import Column
from pipeline.data.sources.read import read_rows
from pipeline.data.sources.tables.opening import plain
from pipeline.errors import InputError
from tests.pipeline.data.reading import describe, read

COLUMNS = (Column("a", "number"), Column("b", "number"))
ROWS = 30
LABELS = np.arange(ROWS) % 2


def refusal(path: Path, **settings: object) -> str:
    """How the file is refused, as a source and as rows for inference."""
    with pytest.raises(InputError):
        read_rows(str(path), COLUMNS)
    with pytest.raises(InputError) as caught:
        read(DataConfig(source=str(path), **settings))
    return str(caught.value)


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=True)
    return file.getvalue()


def npy_header(shape: tuple[int, ...], kind: str) -> bytes:
    file = io.BytesIO()
    header = {"descr": kind, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue()


def archive(path: Path, packing: int = zipfile.ZIP_DEFLATED, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", packing) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return path


def idx_header(*shape: int) -> bytes:
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape)


def idx_folder(folder: Path, images: bytes) -> Path:
    folder.mkdir()
    (folder / "train-images-idx3-ubyte.gz").write_bytes(images)
    labels = idx_header(ROWS) + LABELS.astype(np.uint8).tobytes()
    (folder / "train-labels-idx1-ubyte").write_bytes(labels)
    return folder


@pytest.fixture
def small_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of 4 MiB: what does not fit it need not be large for the machine of the test."""
    monkeypatch.setattr(memory, "memory", lambda: 4 * 2**20)


# Pickles


class Booby:
    """Runs a command when it is unpickled."""

    def __init__(self, proof: Path):
        self.proof = proof

    def __reduce__(self):
        return os.mkdir, (str(self.proof),)


@pytest.fixture
def proof(tmp_path: Path) -> Path:
    """The folder that the trap makes when it goes off, as it does here."""
    path = tmp_path / "unpickled"
    pickle.loads(pickle.dumps(Booby(path)))
    path.rmdir()
    return path


def test_a_pickle_inside_an_array_is_refused_by_name_and_not_run(tmp_path: Path, proof: Path):
    trap = npy(np.array([Booby(proof)], dtype=object))
    whole = npy(np.eye(ROWS))
    (tmp_path / "a.npy").write_bytes(trap)
    assert "pickled Python objects" in refusal(tmp_path / "a.npy")
    for members in ({"x": trap}, {"x": whole, "y": trap}, {"x_train": whole, "x_test": trap}):
        assert "pickled Python objects" in refusal(archive(tmp_path / "a.npz", **members))
    assert not proof.exists()


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.parquet", "a.csv"])
def test_a_bare_pickle_is_refused_and_not_run(name: str, tmp_path: Path, proof: Path):
    (tmp_path / name).write_bytes(pickle.dumps(Booby(proof)))
    refusal(tmp_path / name, label="y" if name in ("a.parquet", "a.csv") else None)
    refusal(archive(tmp_path / "b.npz", x=pickle.dumps(Booby(proof))))
    assert not proof.exists()


# Bombs


def peak_while(action: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_an_archive_that_would_not_fit_is_refused_before_it_is_expanded(
    small_machine: None, tmp_path: Path
):
    zeros = npy(np.zeros((2**16, 64), np.uint8))
    bomb = archive(tmp_path / "bomb.npz", x=zeros)
    assert bomb.stat().st_size < 2**13
    del zeros
    messages: list[str] = []
    assert peak_while(lambda: messages.append(refusal(bomb))) < 2**20
    assert messages[0].startswith("Rows must fit in memory. bomb.npz announces 4,194,304 values")


def test_a_folder_that_would_not_fit_is_refused_before_it_is_expanded(
    small_machine: None, tmp_path: Path
):
    folder = idx_folder(tmp_path / "a", gzip.compress(idx_header(2**16, 8, 8) + bytes(2**22)))
    messages: list[str] = []
    assert peak_while(lambda: messages.append(refusal(folder))) < 2**20
    assert messages[0].startswith("Rows must fit in memory. train-images-idx3-ubyte.gz announces")


def test_what_is_packed_behind_the_announced_values_is_not_expanded(tmp_path: Path):
    values = idx_header(ROWS, 2, 2) + bytes(ROWS * 4)
    packed = gzip.compress(values) + gzip.compress(bytes(2**24))
    folder = idx_folder(tmp_path / "a", packed)
    messages: list[str] = []
    assert peak_while(lambda: messages.append(refusal(folder))) < 2**20
    assert "as long as its header says" in messages[0]


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packing_without_a_limit_on_what_comes_out_is_refused(packing: int, tmp_path: Path):
    bomb = archive(tmp_path / "a.npz", packing, x=npy(np.zeros((2**15, 64), np.uint8)))
    assert "packed in a way that NumPy does not use" in refusal(bomb)


@pytest.mark.parametrize(
    "shape", [(10**12, 8), (2**62, 4), (10**30, 4), (0, 10**30), (-1, 4), (True, 4), (2,) * 65]
)
def test_a_header_may_announce_any_shape(shape: tuple[int, ...], tmp_path: Path):
    content = npy_header(shape, "<f8") + bytes(64)
    (tmp_path / "a.npy").write_bytes(content)
    assert peak_while(lambda: refusal(tmp_path / "a.npy")) < 2**20
    assert peak_while(lambda: refusal(archive(tmp_path / "a.npz", x=content))) < 2**20


@pytest.mark.parametrize("kind", ["<U0", "|V0", "|S0"])
def test_values_without_a_size_are_counted_too(kind: str, tmp_path: Path):
    (tmp_path / "a.npy").write_bytes(npy_header((10**12, 4), kind))
    assert refusal(tmp_path / "a.npy").startswith("Rows must fit in memory")


@pytest.mark.parametrize(
    "shape", [(2**32 - 1,) * 3, (0, 2**32 - 1, 2**32 - 1), (1,) * 255, (), (1,) * 9]
)
def test_an_idx_header_may_announce_any_shape(shape: tuple[int, ...], tmp_path: Path):
    folder = idx_folder(tmp_path / "a", gzip.compress(idx_header(*shape) + bytes(1)))
    assert peak_while(lambda: refusal(folder)) < 2**20


def test_a_table_that_would_not_fit_is_refused_before_it_is_read(
    small_machine: None, tmp_path: Path
):
    rows = 2**17
    table = pa.table({"a": np.arange(rows) % 7, "b": np.arange(rows) % 5, "y": np.arange(rows) % 2})
    pa.parquet.write_table(table, tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text("a,b,y\n" + "0,1,0\n3,5,1\n3,1,1\n0,7,0\n" * (rows // 4))
    for name in ("a.parquet", "a.csv"):
        with pytest.raises(
            InputError, match=rf"^Rows must fit in memory. {name} announces 262,144"
        ):
            read(DataConfig(source=str(tmp_path / name), label="y"))


def test_lists_inside_cells_are_not_read(small_machine: None, tmp_path: Path):
    lists = [np.zeros(2**18)] * 2
    table = pa.table({"a": lists, "b": [1.5, 2.5], "y": [1, 2]})
    pa.parquet.write_table(table, tmp_path / "a.parquet")
    config = DataConfig(source=str(tmp_path / "a.parquet"), label="y")
    assert peak_while(lambda: read(config)) < 2**21
    assert read(config).columns == (Column("b", "number"),)


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_one_long_text_is_not_repeated_for_every_row(
    name: str, small_machine: None, tmp_path: Path
):
    words = ["x" * 50_000, *["short"] * 99]
    if name == "a.parquet":
        words = words[:2] * 50  # each stored once
    table = pd.DataFrame({"a": words, "y": [0, 1] * 50})
    table.to_csv(tmp_path / name, index=False) if name == "a.csv" else table.to_parquet(
        tmp_path / name
    )
    with pytest.raises(InputError, match="Rows must fit in memory"):
        read(DataConfig(source=str(tmp_path / name), label="y"))


def test_categories_that_would_not_fit_as_columns_are_refused(small_machine: None, tmp_path: Path):
    rows = 2_000
    words = [f"w{row // 2}" for row in range(rows)]
    table = pd.DataFrame({"a": words, "y": [0, 1] * (rows // 2)})
    table.to_csv(tmp_path / "a.csv", index=False)
    config = DataConfig(source=str(tmp_path / "a.csv"), label="y", max_levels=rows)
    (problem,) = describe(read(config), config)["problems"]
    assert problem.startswith("Rows must fit in memory. a, one-hot, announces")


def test_thousands_of_columns_are_not_compared_two_by_two(tmp_path: Path):
    values = np.random.default_rng(0).normal(size=(4, 5_000)).round(3)
    frame = pd.DataFrame(values, columns=[f"c{number}" for number in range(5_000)])
    frame.assign(y=[0, 1, 0, 1]).to_csv(tmp_path / "a.csv", index=False)
    assert len(read(DataConfig(source=str(tmp_path / "a.csv"), label="y")).columns) == 5_000


def test_a_sheet_may_say_that_it_has_any_number_of_cells(tmp_path: Path):
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    packed = "http://schemas.openxmlformats.org/package/2006"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{packed}/content-types"><Override '
        f'PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{packed}/relationships"><Relationship Id="r1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {main} xmlns:r="{office}"><sheets><sheet name="a" '
        'sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{packed}/relationships">'
        f'<Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/a.xml"/>'
        "</Relationships>",
        "xl/worksheets/a.xml": f'<worksheet {main}><sheetData><row r="1"><c r="A1"><v>1</v></c>'
        '</row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData></worksheet>',
    }
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as file:
        for name, content in parts.items():
            file.writestr(name, content)
    message = refusal(tmp_path / "a.xlsx", label="-1")
    assert message.startswith("a.xlsx cannot be read as a spreadsheet: it is damaged, or needs")


@pytest.mark.parametrize("name", ["a.csv.bz2", "a.csv.gz"])
def test_a_copy_does_not_fill_the_disk(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    content = ("a,b,y\n" + "1,2,p\n" * 2**20).encode("utf-16")
    pack = bz2.compress if name.endswith("bz2") else gzip.compress
    (tmp_path / name).write_bytes(pack(content))
    free = shutil.disk_usage(tmp_path).free
    monkeypatch.setattr(plain, "DISK_SHARE", free // 2**20)
    assert "half of what is free" in refusal(tmp_path / name, label="y")


# Malformed contents


def test_a_member_that_is_no_array_is_refused(tmp_path: Path):
    assert "magic string" in refusal(archive(tmp_path / "a.npz", x=b"hello"))


def test_text_that_is_not_unicode_is_refused(tmp_path: Path):
    for point in (0xD800, 0x110000, 0xFFFFFFFF):
        labels = npy_header((2,), "<U1") + struct.pack("<2I", point, 0x61)
        path = archive(tmp_path / "a.npz", x=npy(np.eye(2)), y=labels)
        with pytest.raises(InputError, match="its text is not Unicode"):
            read(DataConfig(source=str(path)))


@pytest.mark.parametrize("kind", ["M8[s]", "c16", [("a", "f8")]])
@pytest.mark.parametrize("other", ["i8", "U3"])
def test_labels_of_training_and_test_rows_that_do_not_go_together_are_refused(
    kind: object, other: str, tmp_path: Path
):
    x = npy(np.eye(4))
    y, y_test = npy(np.zeros(4, kind)), npy(np.zeros(4, other))
    for first, second in ((y, y_test), (y_test, y)):
        path = archive(tmp_path / "a.npz", x=x, y=first, x_test=x, y_test=second)
        assert "Labels must be text or numbers" in refusal(path)


def test_labels_that_are_no_list_are_refused(tmp_path: Path):
    x, one = npy(np.eye(4)), npy(np.array(1))
    assert "4 training rows and 1 labels" in refusal(
        archive(tmp_path / "a.npz", x=x, y=one, x_test=x, y_test=one)
    )


TABLES = {
    "NUL among numbers": (b"a,b,y\n1,2,p\n3\0,4,q\n", "no NUL characters"),
    "an open quote": (b'a,b,y\n1,"2,p\n3,4,q\n', "as many cells as the others"),
    "an open quote in the header": (b'a,"b,y\n1,2,p\n', "a quote that is never closed"),
    "a short row": (b"a,b,y\n1,2,p\n2,3,q\n1,2\n", "as many cells as the others"),
    "escapes for the terminal": (b"a,b,y\n1,2,p\n2,3,q\n\x1b[2J\n", "\\x1b[2J"),
}


@pytest.mark.parametrize(("content", "message"), TABLES.values(), ids=TABLES)
def test_a_malformed_table_is_refused_in_words(content: bytes, message: str, tmp_path: Path):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read(DataConfig(source=str(tmp_path / "a.csv"), label="y"))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "cells",
    [[[1]] * 4, [{"u": 1}] * 4, [b"\xff\xfe"] * 4, pa.array([[("k", 1)]] * 4,
     pa.map_(pa.string(), pa.int64()))],
)  # fmt: skip
def test_nested_and_binary_cells_are_refused_by_column(cells: object, tmp_path: Path):
    pa.parquet.write_table(pa.table({"a": cells, "y": [0, 1, 0, 1]}), tmp_path / "a.parquet")
    message = refusal(tmp_path / "a.parquet", label="y")
    assert message.startswith("A feature column must remain beside the label. a.parquet has none.")
    assert "'a' is left out (nested)" in message


def test_a_damaged_table_is_refused(tmp_path: Path):
    pd.DataFrame({"a": [1, 2], "y": ["p", "q"]}).to_parquet(tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    for content in (
        whole[: len(whole) // 2],
        whole[:-8] + b"\xff\xff\xff\x7fPAR1",
        whole.replace(b"\x01y", b"\x01\xff"),  # the name of a column
    ):
        (tmp_path / "a.parquet").write_bytes(content)
        assert "a.parquet cannot be read" in refusal(tmp_path / "a.parquet", label="y")


# Names


@pytest.mark.parametrize("name", ["$(touch x)", "a'; drop table runs; --", "`id`", "a\nb", "[b]"])
def test_names_are_only_names(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    table = pd.DataFrame({name: np.arange(ROWS) / 7, "y": [f"'{n}'; --" for n in LABELS]})
    table.to_csv(f"{name}.csv", index=False)
    config = DataConfig(source=f"{name}.csv", label="y")
    account = describe(read(config), config)
    assert account["per_column"][0]["name"] == name
    assert account["classes"] == {"'0'; --": ROWS // 2, "'1'; --": ROWS // 2}
    assert os.listdir() == [f"{name}.csv"]


@pytest.mark.parametrize("name", ["a*.csv", "[ab].csv", "?b.parquet", "./~/a.csv", "file:/a.csv"])
def test_a_file_s_name_is_no_pattern_and_no_home(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    table = pd.DataFrame({"a": np.arange(ROWS) / 7, "y": LABELS})
    for other in (name, "ab.csv", "b.csv", "bb.parquet", "home/a.csv"):
        Path(other).parent.mkdir(exist_ok=True)
        content = (
            table.to_parquet(index=False)
            if other.endswith("parquet")
            else table.to_csv(index=False).encode()
        )
        Path(other).write_bytes(content)
        table["a"] += 1
    source = read(DataConfig(source=name, label="y"))
    np.testing.assert_allclose(source.numbers[:, 0], np.arange(ROWS) / 7)


def test_a_member_s_path_leads_nowhere(tmp_path: Path):
    inside = tmp_path / "inside"
    inside.mkdir()
    whole = npy(np.eye(4))
    archive(inside / "a.npz", **{"../x": whole, "/x": whole, "x": whole})
    assert read(DataConfig(source=str(inside / "a.npz"))).rows == 4
    assert os.listdir(tmp_path) == ["inside"]
    assert "none." in refusal(archive(inside / "b.npz", **{"../x": whole}))


@pytest.mark.parametrize("name", ["pipe.npy", "pipe.npz", "pipe.csv", "pipe.parquet"])
def test_a_pipe_is_not_waited_for(name: str, tmp_path: Path):
    os.mkfifo(tmp_path / name)
    assert "must be a file or a folder" in refusal(tmp_path / name)


@pytest.mark.parametrize("name", ["~nobody-of-that-name/a.csv", "~\0", "a\0.npy", "x" * 5000])
def test_a_name_that_no_file_has_is_refused(name: str):
    with pytest.raises(InputError):
        read_rows(name, COLUMNS)


def test_the_limit_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "CONTAINER_LIMITS", (limit, tmp_path / "absent"))
    unlimited = memory.memory()
    limit.write_text("max\n")
    assert memory.memory() == unlimited
    limit.write_text(f"{2**20}\n")
    assert memory.memory() == 2**20


def test_a_parquet_file_that_would_end_the_process_is_refused(tmp_path: Path):
    file = tmp_path / "a.parquet"
    pa.parquet.write_table(pa.table({"a": ["p", "q"], "y": ["p", "q"]}), file)
    whole = file.read_bytes()
    # The first column turns from optional to required: its counts of missing values are one too
    # many then, which PyArrow finds where it can tell nobody. Found by Atheris.
    optional = whole.index(b"\x25\x02\x18\x01a")
    file.write_bytes(whole[: optional + 1] + b"\x00" + whole[optional + 2 :])
    assert refusal(file, label="y").startswith("a.parquet cannot be read: ")
