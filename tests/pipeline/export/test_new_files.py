"""Which files scheduled inference takes: those that are new, each with a result of its own."""

import os
from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.export.new_files import Work, work_of


@pytest.fixture
def places(tmp_path: Path) -> tuple[str, str]:
    for name in ("a.csv", "b.csv", "notes.txt"):
        (tmp_path / name).write_text("x\n1\n")
    (tmp_path / "out").mkdir()
    return str(tmp_path / "*.csv"), str(tmp_path / "out" / "{name}.parquet")


def write_result(work: Work) -> None:
    work.output.write_text("scored")
    work.finish()


def new(places: tuple[str, str]) -> list[str]:
    return [work.output.name for work in work_of(*places) if work.is_new()]


def test_each_file_of_a_pattern_has_a_result_of_its_own(places: tuple[str, str]):
    assert new(places) == ["a.parquet", "b.parquet"]


def test_what_has_a_result_is_not_done_again(places: tuple[str, str]):
    write_result(work_of(*places)[0])
    assert new(places) == ["b.parquet"]


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_file_that_was_replaced_is_done_again_even_by_an_older_one(
    places: tuple[str, str], hours: int
):
    first, second = work_of(*places)
    write_result(first)
    write_result(second)
    assert new(places) == []
    time = Path(first.source).stat().st_mtime_ns + hours * 3_600_000_000_000
    os.utime(first.source, ns=(time, time))
    assert new(places) == ["a.parquet"]


def test_a_file_that_changes_while_it_is_read_is_done_again(places: tuple[str, str]):
    first, second = work_of(*places)
    os.utime(first.source, ns=(1, 1))
    write_result(first)
    write_result(second)
    assert new(places) == ["a.parquet"]


def test_a_result_that_was_not_finished_is_done_again(places: tuple[str, str]):
    first, second = work_of(*places)
    first.output.write_text("killed before it was marked")
    write_result(second)
    assert new(places) == ["a.parquet"]


def test_one_file_is_done_again_when_it_changes_and_other_sources_always(tmp_path: Path):
    file, result = tmp_path / "rows.csv", tmp_path / "scores.csv"
    file.write_text("x\n1\n")
    places = str(file), str(result)
    write_result(work_of(*places)[0])
    assert new(places) == []
    os.utime(file, ns=(1, 1))
    assert new(places) == ["scores.csv"]
    builtin = "digits", str(result)
    write_result(work_of(*builtin)[0])
    assert new(builtin) == ["scores.csv"]


def test_files_of_one_name_are_refused(tmp_path: Path):
    for folder in ("monday", "tuesday"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "rows.csv").write_text("x\n1\n")
    with pytest.raises(InputError, match=r"rows\.csv would both give"):
        work_of(str(tmp_path / "*" / "rows.csv"), str(tmp_path / "{name}.csv"))


@pytest.mark.parametrize(
    ("data", "output"),
    [
        ("in/*.csv", "in/{name}.csv"),
        ("in/*.csv", "in/{name}-scored.csv"),
        ("in/*", "in/{name}.csv"),
        ("in/[ab].csv", "in/{name}.csv"),
        ("in/**/*.csv", "in/out/{name}.csv"),
    ],
)
def test_results_that_would_be_taken_for_new_files_are_refused(
    data: str, output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in" / "out").mkdir(parents=True)
    (tmp_path / "in" / "a.csv").write_text("x\n1\n")
    with pytest.raises(InputError, match="must not be taken for new files"):
        work_of(data, output)


def test_results_in_a_folder_below_the_files_are_no_new_files(places: tuple[str, str]):
    data, output = places
    assert new((data, output.replace(".parquet", ".csv"))) == ["a.csv", "b.csv"]


@pytest.mark.parametrize(
    ("data", "output", "message"),
    [
        ("*.csv", "all.csv", "must have {name}"),
        ("rows.csv", "{name}.csv", "must have {name}"),
        ("rows.csv", "rows.csv", "must not be DATA"),
        ("*.csv", "nowhere/{name}.csv", "no folder"),
        ("*.csv", "{name}.xlsx", "must end in"),
    ],
)
def test_places_that_do_not_fit_are_refused(
    data: str, output: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        work_of(data, output)
