"""Text that DuckDB does not read as people do: columns parted by spaces, and what R writes."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.config.data import DataConfig
from pipeline.data.source import Source
from tests.pipeline.data.reading import read

ROWS = range(1, 41)


def source(content: str | bytes, folder: Path, name: str = "a.txt") -> Source:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return read(DataConfig(source=str(folder / name), label="-1"))


def kinds(found: Source) -> list[tuple[str, str]]:
    return [(column.name, column.kind) for column in found.columns]


def test_a_tab_before_the_last_column_of_a_padded_table_parts_it_too(tmp_path: Path):
    found = source(
        "".join(f'{n}.5   {n % 3}    {n * 7}.      7{n % 2}\t"a model {n % 4}"\n' for n in ROWS),
        tmp_path,
    )
    assert not found.layout.named
    assert [kind for _, kind in kinds(found)] == ["number", "number", "number", "number"]
    assert set(found.target) == {f"a model {n}" for n in range(4)}


def test_two_spaces_part_columns_whose_cells_have_several_words(tmp_path: Path):
    words = ("12-15 years", "< 12 years", "16+ years")
    rows = "".join(
        f"{n / 3:9.3f}   {words[n % 3]:>11s}   {['No', 'Yes'][n % 2]:>4s}\n" for n in ROWS
    )
    found = source(f"    years     schooling    div\n{rows}", tmp_path)
    assert kinds(found) == [("years", "number"), ("schooling", "category")]
    assert set(found.categories[:, 0]) == set(words)


def test_times_behind_a_day_are_no_column_of_a_table_with_tabs(tmp_path: Path):
    found = source(
        "when\tv\ty\n"
        + "".join(f"2020-01-{n % 28 + 1:02d} 12:{n:02d}\t{n / 7}\t{n % 2}\n" for n in ROWS),
        tmp_path,
    )
    assert kinds(found) == [("when", "date"), ("v", "number")]


@pytest.mark.parametrize("separator", [",", "\t", ";", " "])
@pytest.mark.parametrize("quote", ['"', ""])
def test_the_first_line_of_r_has_no_name_for_the_names_of_rows(
    separator: str, quote: str, tmp_path: Path
):
    def line(*cells: object) -> str:
        return separator.join(f"{quote}{c}{quote}" if isinstance(c, str) else f"{c}" for c in cells)

    lines = [line("a", "b", "y"), *(line(f"g{n}", n / 8, n % 5, "uv"[n % 2]) for n in ROWS)]
    found = source("\n".join(lines) + "\n", tmp_path)
    assert kinds(found) == [("a", "number"), ("b", "number")]
    assert found.rows == len(ROWS)
    assert found.numbers[0].tolist() == [1 / 8, 1]
    assert set(found.target) == {"u", "v"}


def test_lines_may_end_twice(tmp_path: Path):
    content = "a,b,y\n" + "".join(f"{n / 8},{n % 5},{'uv'[n % 2]}\n" for n in ROWS)
    once = source(content, tmp_path)
    twice = source(content.replace("\n", "\r\r\n"), tmp_path)
    assert twice.numbers.tolist() == once.numbers.tolist()
    assert kinds(twice) == kinds(once) == [("a", "number"), ("b", "number")]


@pytest.mark.parametrize("header", ["a,b,y,\n", "a,b,y\n", ""])
def test_a_separator_at_the_end_of_every_line_parts_nothing(header: str, tmp_path: Path):
    lines = [f"{n / 8},{n % 5},{'uv'[n % 2]},\n" for n in ROWS]
    found = source(header + "".join(lines), tmp_path)
    assert [kind for _, kind in kinds(found)] == ["number", "number"]
    assert found.numbers[0].tolist() == [1 / 8, 1]
    assert set(found.target) == {"u", "v"}


@pytest.mark.parametrize("separator", ["^", ":", "::", "\x1f"])
def test_a_rare_separator_is_found(separator: str, tmp_path: Path):
    lines = [separator.join([str(n / 8), '"a"', "uv"[n % 2]]) + "\n" for n in ROWS]
    found = source(separator.join(["a", "b", "y"]) + "\n" + "".join(lines), tmp_path)
    assert [column.name for column in found.columns] == ["a"]  # b is constant
    assert set(found.target) == {"u", "v"}


def test_a_cell_that_is_no_date_among_dates_is_said(tmp_path: Path):
    lines = [f"2020-01-{n % 28 + 1:02d},{n % 2}\n" for n in ROWS]
    found = source("day,y\n" + "".join(lines) + "later,1\n", tmp_path)
    assert kinds(found) == [("day", "date")]
    assert any("1 cell is none and counts as missing" in note for note in found.notes)


@pytest.mark.parametrize("first", ["|1x3 Cross validator", "40,3,u,v,w,x"])
def test_a_first_line_that_is_of_no_table_tells_no_dialect(first: str, tmp_path: Path):
    lines = [f"{n / 8}, {n % 5}, {n * 3 % 7}, {'uv'[n % 2]}\n" for n in ROWS]
    found = source(f"{first}\n" + "".join(lines), tmp_path)
    assert [kind for _, kind in kinds(found)] == ["number", "number", "number"]
    assert found.rows == len(ROWS)
    assert found.notes[0] == "The first line of a.txt stands above its table."


@pytest.mark.parametrize("separator", [" ", ","])
def test_names_that_numpy_writes_as_a_comment_are_names(separator: str, tmp_path: Path):
    rows = np.column_stack([np.linspace(0, 1, 40), np.linspace(3, 2, 40) ** 2, np.arange(40) % 2])
    path = tmp_path / "a.txt"
    np.savetxt(path, rows, delimiter=separator, header=separator.join(["size", "mass", "kind"]))
    found = read(DataConfig(source=str(path), label="kind"))
    assert kinds(found) == [("size", "number"), ("mass", "number")]
    assert found.rows == 40
    assert {*found.target} == {"0", "1"}


def test_a_quote_may_stand_behind_a_backslash(tmp_path: Path):
    rows = "".join(f'"a \\"b\\", {"KJ"[n % 2]}",{n % 7}.5,{"pq"[n % 3 > 0]}\n' for n in range(40))
    path = tmp_path / "a.csv"
    path.write_text(f"name,x,y\n{rows}")
    found = read(DataConfig(source=str(path), label="y"))
    assert found.rows == 40
    assert {*found.categories[:, 0]} == {'a "b", K', 'a "b", J'}
