"""How the page on the data counts, and what it says of classes that look alike."""

from pathlib import Path

import pytest

from pipeline.config.data import DataConfig
from pipeline.counting import counted
from pipeline.data.page import data_page
from tests.pipeline.data.reading import describe, read


@pytest.mark.parametrize(
    ("number", "what", "words"),
    [(0, "row", "0 rows"), (1, "row", "1 row"), (1234, "cell", "1,234 cells"),
     (1, "class", "1 class"), (2, "class", "2 classes")],
)  # fmt: skip
def test_one_thing_is_no_plural(number: int, what: str, words: str):
    assert counted(number, what) == words


def page_of(path: Path, lines: list[str]) -> tuple[list[str], dict[str, list[str]]]:
    path.write_text("\n".join(["size,agreed,y", *lines]) + "\n", encoding="utf-8")
    config = DataConfig(source=str(path), label="y")
    page = data_page(describe(read(config), config))
    return page.lead, page.sections


def table(classes: list[str], truth: tuple[str, str] = ("a", "b")) -> list[str]:
    return [f"{n * 37 % 101},{truth[n % 2]},{classes[n * n % 11 % len(classes)]}"
            for n in range(120)]  # fmt: skip


def test_one_cell_and_one_row_are_counted_as_one(tmp_path: Path):
    lines = table(["p", "q"])
    lead, sections = page_of(tmp_path / "a.csv", ["x,a,p", "5,a,", *lines])
    assert lead[0].startswith(f"{tmp_path.name}/a.csv: 122 rows") or "122 rows" in lead[0]
    assert lead[1].endswith("; 1 row without a label")
    assert any("1 cell is none and counts as missing" in said for said in sections["Decided"])


@pytest.mark.parametrize(
    ("classes", "named"),
    [(["Good", "good", "bad"], "'Good', 'good'"), (["True", "yes", "no"], "'True', 'yes'"),
     (["ja", "TRUE", "nein"], "'TRUE', 'ja'")],
)  # fmt: skip
def test_classes_that_differ_in_spelling_alone_are_to_be_watched(classes, named, tmp_path: Path):
    _, sections = page_of(tmp_path / "a.csv", table(classes))
    alike = [said for said in sections["To watch"] if "differ in case" in said]
    assert len(alike) == 1 and named in alike[0]


def test_of_many_classes_twenty_are_named_and_the_others_counted(tmp_path: Path):
    lead, _ = page_of(tmp_path / "a.csv", [f"{n % 7}.5,a,c{n % 1_500}" for n in range(3_000)])
    assert lead[1].startswith("Target: 1,500 classes: c0 (2), c1 (2), ")
    assert lead[1].endswith(" and 1,480 more")
    assert lead[1].count("(2)") == 20


def test_classes_that_differ_otherwise_are_not(tmp_path: Path):
    _, sections = page_of(tmp_path / "a.csv", table(["good", "goods", "true", "false"]))
    assert not any("differ in case" in said for said in sections["To watch"])


@pytest.mark.parametrize(
    "truth", [("ja", "nein"), ("Ja", "NEIN"), ("oui", "non"), ("WAHR", "FALSCH")]
)
def test_truth_is_read_as_offices_elsewhere_write_it(truth: tuple[str, str], tmp_path: Path):
    path = tmp_path / "a.csv"
    page_of(path, table(["p", "q"], truth))
    assert read(DataConfig(source=str(path), label="y")).columns[1].kind == "boolean"
