"""Lines above and below a table, and numbers whose commas can be read in two ways."""

import gzip
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.config.data import DataConfig
from pipeline.data.sources.tables.opening import scan
from pipeline.errors import InputError
from tests.pipeline.data.reading import read
from tests.pipeline.data.sources.spreadsheet import spreadsheet

ROWS = [f"{n},{n % 7}.5,{'pq'[n % 2]}" for n in range(50)]


def written(folder: Path, *lines: str, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("copied", [True, False])
@pytest.mark.parametrize("last", ["Total,150,", "sum:,150,q", ",Mean,"])
def test_a_total_below_the_rows_is_refused_or_skipped(
    last: str, copied: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    if not copied:
        monkeypatch.setattr(scan, "copy_of", lambda *_: False)
    path = written(tmp_path, "number,size,species", *ROWS, last)
    with pytest.raises(InputError, match="last row of a.csv begins with .* skip"):
        read(DataConfig(source=str(path), label="species"))
    source = read(DataConfig(source=str(path), label="species", bad_rows="skip"))
    assert source.rows == 50
    # Without it the first column is seen to count the rows.
    assert [column.name for column in source.columns] == ["size"]
    assert "Skipped." in source.notes[0]


@pytest.mark.parametrize("last", [",148.0,", ",148,p"])
def test_a_last_row_that_sums_up_a_column_is_refused_or_skipped_without_a_word_for_it(
    last: str, tmp_path: Path
):
    rows = [f"shop {n},{n % 4 + 1}.5,{'pq'[n % 2]}" for n in range(50)]
    path = written(tmp_path, "shop,size,species", *rows, last)
    with pytest.raises(InputError, match="last row of a.csv has the sum of column 'size'.* skip"):
        read(DataConfig(source=str(path), label="species"))
    assert read(DataConfig(source=str(path), label="species", bad_rows="skip")).rows == 50


@pytest.mark.parametrize("last", [",2.5,p", ",3.5,", ",,q"])
def test_a_last_row_without_a_first_cell_is_a_row(last: str, tmp_path: Path):
    rows = [f"shop {n},{n % 4 + 1}.5,{'pq'[n % 2]}" for n in range(50)]
    source = read(
        DataConfig(source=str(written(tmp_path, "shop,size,species", *rows, last)), label="species")
    )
    assert source.rows == 51


FOOTNOTES = [["Source: World Bank,,"], [",,", "Data from database: WDI,,", "Last Updated: 2020,,"]]


@pytest.mark.parametrize("notes", FOOTNOTES, ids=["one", "behind an empty row"])
def test_a_footnote_is_refused_or_skipped(notes: list[str], tmp_path: Path):
    rows = [f"shop {n},{n % 7}.5,{'pq'[n % 2]}" for n in range(50)]
    path = written(tmp_path, "shop,size,species", *rows, *notes)
    with pytest.raises(InputError, match="last row of a.csv is a note, .* skip"):
        read(DataConfig(source=str(path), label="species"))
    assert read(DataConfig(source=str(path), label="species", bad_rows="skip")).rows == 50


@pytest.mark.parametrize("last", ["shop 50,,", "Source of joy,,p", "note 7,,"])
def test_a_last_row_of_one_cell_is_a_row_where_that_is_no_footnote(last: str, tmp_path: Path):
    rows = [f"shop {n},{n % 7}.5,{'pq'[n % 2]}" for n in range(50)]
    path = written(tmp_path, "shop,size,species", *rows, last)
    assert read(DataConfig(source=str(path), label="species")).rows == 51


def test_a_class_that_is_called_total_is_none(tmp_path: Path):
    rows = [f"{'total' if n % 2 else 'part'},{n % 7}.5,{'pq'[n % 3 > 1]}" for n in range(50)]
    source = read(DataConfig(source=str(written(tmp_path, "kind,size,y", *rows)), label="y"))
    assert source.rows == 50


@pytest.mark.parametrize("separator", [";", "\t"])
def test_commas_before_three_digits_set_thousands_apart_beside_small_whole_numbers(
    separator: str, tmp_path: Path
):
    amounts = [37 * n for n in range(1, 61)]
    rows = [f"{amount:,}{separator}{'pq'[amount % 2]}" for amount in amounts]
    source = read(
        DataConfig(source=str(written(tmp_path, f"amount{separator}y", *rows)), label="y")
    )
    np.testing.assert_array_equal(source.numbers[:, 0], amounts)


def test_commas_of_decimals_stay_decimals(tmp_path: Path):
    sizes = [n / 1000 for n in range(1100, 1160)]
    rows = [f"{size:.3f}".replace(".", ",") + f";{'pq'[n % 2]}" for n, size in enumerate(sizes)]
    source = read(DataConfig(source=str(written(tmp_path, "size;y", *rows)), label="y"))
    np.testing.assert_allclose(source.numbers[:, 0], sizes)


TITLES = {
    "one": ["Shells of 2020;;"],
    "with a blank line": ["Shells;;", ";;"],
    "bare": ["Shells", ""],
}


@pytest.mark.parametrize("title", TITLES.values(), ids=TITLES)
@pytest.mark.parametrize("packed", [False, True])
def test_a_title_above_the_names_is_none(title: list[str], packed: bool, tmp_path: Path):
    rows = [row.replace(",", ";") for row in ROWS]
    path = written(tmp_path, *title, "number;size;species", *rows)
    if packed:
        path = tmp_path / "a.csv.gz"
        path.write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    source = read(DataConfig(source=str(path), label="species"))
    assert source.rows == 50
    assert [column.name for column in source.columns] == ["size"]
    assert any("above its table" in note for note in source.notes)


def test_a_title_in_a_spreadsheet_is_none(tmp_path: Path):
    cells = [["Shells of 2020", "", ""], ["", "", ""], ["number", "size", "species"]]
    sheet = spreadsheet([*cells, *(row.split(",") for row in ROWS)])
    (tmp_path / "a.xlsx").write_bytes(sheet)
    source = read(DataConfig(source=str(tmp_path / "a.xlsx"), label="species"))
    assert (source.rows, source.columns[0].name) == (50, "size")


def test_a_title_may_fill_a_third_of_the_columns(tmp_path: Path):
    names = ["number", "size", "species", "width", "height", "depth"]
    rows = [[*row.split(","), f"{n}.5", f"{n % 7}", f"{n % 5}"] for n, row in enumerate(ROWS)]
    title = [["Shells", "as of today", *[""] * 4], [""] * 6]
    (tmp_path / "a.xlsx").write_bytes(spreadsheet([*title, names, *rows]))
    source = read(DataConfig(source=str(tmp_path / "a.xlsx"), label="species"))
    assert source.rows == 50
    assert [column.name for column in source.columns] == ["size", "width", "height", "depth"]


def test_a_first_row_of_many_gaps_is_a_row(tmp_path: Path):
    rows = [row.replace(",", ";") for row in ROWS]
    path = written(tmp_path, ";0.5;", "7;1.5;a", *rows)
    assert read(DataConfig(source=str(path), label="-1")).rows == 52


def test_comments_are_told_by_their_lines(tmp_path: Path):
    path = written(tmp_path, "number,size,species", *ROWS[:6], "# checked", *ROWS[6:])
    source = read(DataConfig(source=str(path), label="species"))
    assert source.rows == 50
    assert "Lines of a.csv that are comments: 8." in source.notes


@pytest.mark.parametrize("word", ["#DIV/0!", "#NV", "#N/A"])
def test_a_line_that_begins_with_an_error_of_a_spreadsheet_is_no_comment(word: str, tmp_path: Path):
    rows = [f"{word if n % 6 == 0 else n % 5},{n % 7}.5,{'pq'[n % 2]}" for n in range(60)]
    path = written(tmp_path, "size,width,species", *rows)
    source = read(DataConfig(source=str(path), label="species", missing_values=[word]))
    assert source.rows == 60
    assert np.isnan(source.numbers[:, 0]).sum() == 10
    assert not any("comments" in note for note in source.notes)


def test_a_line_with_thousands_of_cells_is_refused_at_once_by_its_number(tmp_path: Path):
    rows = [*ROWS[:9], "0,1.5" + ",5" * 60_000 + ',"a, b",p', *ROWS[9:]]
    path = written(tmp_path, "number,size,species", *rows)
    began = time.process_time()
    with pytest.raises(InputError, match="line 11 has 60,004 cells"):
        read(DataConfig(source=str(path), label="species"))
    assert time.process_time() - began < 3


def test_separators_inside_a_long_quoted_cell_are_no_surplus(tmp_path: Path):
    rows = [*ROWS, '7,1.5,"p' + ", again" * 5_000 + '"']
    path = written(tmp_path, "number,size,remark", *rows)
    assert read(DataConfig(source=str(path), label="size", categorical=["remark"])).rows == 51


HEADERS = {
    "a name that is nan": "one,nan,infinity,kind",
    "names that are numbers among words": "id,1,2,kind",
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_a_header_may_have_names_that_look_like_numbers(header: str, tmp_path: Path):
    rows = [f"r{n},{n % 7}.5,{n % 5},{n % 2}" for n in range(50)]
    source = read(DataConfig(source=str(written(tmp_path, header, *rows)), label="kind"))
    assert source.rows == 50
    assert [column.name for column in source.columns] == header.split(",")[1:3]


def test_a_header_that_is_repeated_below_is_refused_or_skipped(tmp_path: Path):
    names = "width,size,species"
    rows = [f"{n % 11}.25,{n % 7}.5,{'pq'[n % 2]}" for n in range(50)]
    path = written(tmp_path, names, *rows[:20], names, *rows[20:])
    with pytest.raises(InputError, match=r"header of a\.csv is repeated below: line 22\."):
        read(DataConfig(source=str(path), label="species"))
    source = read(DataConfig(source=str(path), label="species", bad_rows="skip"))
    assert source.rows == 50
    assert [(column.name, column.kind) for column in source.columns] == [
        ("width", "number"),
        ("size", "number"),
    ]


@pytest.mark.parametrize("second", ["length,width,species", "mm,kg,", ",kg,"])
def test_a_second_line_of_names_or_units_is_refused_or_skipped(second: str, tmp_path: Path):
    rows = [f"{n % 11}.25,{n % 7}.5,{'pq'[n % 2]}" for n in range(50)]
    path = written(tmp_path, "leaf,sepal,class", second, *rows)
    with pytest.raises(InputError, match="second line of names or units"):
        read(DataConfig(source=str(path), label="class"))
    source = read(DataConfig(source=str(path), label="class", bad_rows="skip"))
    assert source.rows == 50
    np.testing.assert_array_equal(np.unique(source.target), ["p", "q"])


@pytest.mark.parametrize("first", ["NA,n.a.,p", "unknown,2.5,p"])
def test_a_first_row_with_missing_numbers_is_a_row(first: str, tmp_path: Path):
    rows = [f"{n % 11}.25,{n % 7}.5,{'pq'[n % 2]}" for n in range(50)]
    path = written(tmp_path, "leaf,sepal,class", first, *rows)
    assert read(DataConfig(source=str(path), label="class")).rows == 51


OTHERS = {
    "frame, as MySQL": ["+----+---+", "| x  | y |", "+----+---+", "| 1  | p |", "+----+---+"],
    "ARFF": ["% made", "@relation x", "@attribute a numeric", "@data", "1"],
    "Markdown": ["| x | y |", "|---|:--|", "| 1 | p |"],
}


@pytest.mark.parametrize("kind", OTHERS)
def test_a_table_for_people_or_another_program_is_refused_by_its_name(kind: str, tmp_path: Path):
    path = written(tmp_path, *OTHERS[kind])
    with pytest.raises(InputError, match=f"{kind}.*Export it as CSV"):
        read(DataConfig(source=str(path), label="-1"))


def parquet(file: Path) -> None:
    pd.DataFrame({"x": range(50), "y": ["p", "q"] * 25}).to_parquet(file)


@pytest.mark.parametrize(
    ("write", "suffix"),
    [
        (lambda file: file.write_bytes(spreadsheet([["x", "y"], [1, "p"]])), ".xlsx"),
        (parquet, ".parquet"),
    ],
    ids=["a spreadsheet", "Parquet"],
)
def test_a_file_of_another_kind_than_its_name_says_is_refused_with_the_name_for_it(
    write: Callable[[Path], object], suffix: str, tmp_path: Path
):
    write(tmp_path / "a.csv")
    with pytest.raises(InputError, match=rf"a\.csv is .*: call it \{suffix}"):
        read(DataConfig(source=str(tmp_path / "a.csv"), label="y"))


def test_a_damaged_part_is_called_by_its_name(tmp_path: Path):
    written(tmp_path, "number,size,species", *ROWS, name="a.csv")
    written(tmp_path, "number,size,species", *ROWS, "0" + ",5" * 60_000, name="b.csv")
    with pytest.raises(InputError, match=r"b\.csv has 3 columns, but line 52 has 60,001 cells"):
        read(DataConfig(source=str(tmp_path), label="species"))
