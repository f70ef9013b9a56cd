"""Text is read once where there is room for a copy of its rows, and else as often as needed."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.config.data import DataConfig
from pipeline.data.source import Source
from pipeline.data.sources.tables.opening import connection, plain, scan
from pipeline.errors import InputError
from tests.pipeline.data.reading import fingerprint_of, read

GOOD = [f"{n},{n / 4},{'red' if n % 3 else 'green'},{'pq'[n % 2]}" for n in range(30_000)]


def source(lines: list[str], folder: Path) -> Source:
    """Of a file that has a word in a number's column and lines that are too short."""
    (folder / "a.csv").write_text("\n".join(["a,b,c,y", *lines]) + "\n")
    return read(DataConfig(source=str(folder / "a.csv"), label="y", bad_rows="skip"))


def test_rows_are_the_same_with_and_without_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lines = [*GOOD, "oops,1.5,red,q", "7,8", "9,,,p"]
    once = source(lines, tmp_path)
    monkeypatch.setattr(scan, "copy_of", lambda *_: False)
    often = source(lines, tmp_path)
    assert once.rows == often.rows == 30_002
    assert fingerprint_of(once) == fingerprint_of(often)
    assert once.notes == often.notes


@pytest.mark.slow
@pytest.mark.parametrize("share", [2, 2**60])
def test_a_table_beyond_memory_is_read_with_and_without_room_on_the_disk(
    share: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(connection, "LEAST_MEMORY", 2**27)
    monkeypatch.setattr(plain, "DISK_SHARE", share)
    table = np.arange(4_000_000.0).reshape(-1, 40) / 7
    lines = [",".join(map(str, row)) for row in table.round(3)] * 5
    (tmp_path / "a.csv").write_text("\n".join([",".join(f"c{n}" for n in range(40)), *lines]))
    found = read(DataConfig(source=str(tmp_path / "a.csv"), label="c39", memory=0.5))
    assert found.rows == 500_000
    np.testing.assert_array_equal(found.numbers[400_000:], table.round(3)[:, :39])


def test_a_word_among_numbers_is_seen_behind_many_short_lines(tmp_path: Path):
    short = ["7,8"] * (2 * scan.REJECTED)
    found = source([*GOOD, *short, "oops,1.5,red,q"], tmp_path)
    assert found.rows == len(GOOD) + 1
    assert np.isnan(found.numbers[-1, 0])
    assert any("at least 495 more" in note for note in found.notes)


@pytest.mark.parametrize("copied", [True, False])
def test_a_quote_inside_a_cell_costs_its_own_line_alone(
    copied: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    if not copied:
        monkeypatch.setattr(scan, "copy_of", lambda *_: False)
    lines = [f'"{n}"|"x, {n % 3}"|"{"pq"[n % 2]}"' for n in range(40)]
    (tmp_path / "a.csv").write_text("\n".join(['"a"|"b"|"y"', '"1"|";"x"|"p"', *lines]))
    found = read(DataConfig(source=str(tmp_path / "a.csv"), label="y", bad_rows="skip"))
    assert found.rows == 40
    assert "line 2" in found.notes[0]


def test_numbers_that_the_disk_cannot_hold_are_refused_before_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "a.csv").write_text("\n".join(["a,b,c,y", *GOOD]))
    settings = DataConfig(source=str(tmp_path / "a.csv"), label="y", ignore=["c"], memory=1e-6)
    assert read(settings, tmp_path).rows == len(GOOD)
    monkeypatch.setattr(plain, "DISK_SHARE", 2**60)
    with pytest.raises(InputError, match=r"must fit there. a.csv needs 0\.0 GiB"):
        read(settings, tmp_path)
