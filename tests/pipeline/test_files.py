"""Files and folders appear whole or not at all."""

import threading
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.files import (
    atomic_write,
    check_output,
    copy_version,
    file_digest,
    folder_digest,
    new_version,
)


class StoppedError(Exception):
    """The work ends in the middle."""


def contents(folder: Path) -> list[str]:
    """Every file and folder below, hidden ones too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


# One file


def test_a_file_is_not_seen_before_it_is_whole(tmp_path: Path):
    path = tmp_path / "out.txt"
    with atomic_write(path) as file:
        file.write_text("half")
        assert not path.exists()
        file.write_text("whole")
    assert path.read_text() == "whole"
    assert contents(tmp_path) == ["out.txt"]


def test_a_failure_leaves_the_earlier_file_and_nothing_else(tmp_path: Path):
    path = tmp_path / "out.txt"
    path.write_text("earlier")
    with pytest.raises(StoppedError), atomic_write(path) as file:
        file.write_text("half")
        raise StoppedError
    assert path.read_text() == "earlier"
    assert contents(tmp_path) == ["out.txt"]


def no_hard_links(*_: object) -> None:
    raise PermissionError(1, "Operation not permitted")


@pytest.mark.parametrize("hard_links", [True, False])
def test_a_new_file_replaces_none_that_came_meanwhile(hard_links, tmp_path: Path, monkeypatch):
    if not hard_links:
        monkeypatch.setattr("os.link", no_hard_links)
    path = tmp_path / "out.txt"
    with pytest.raises(FileExistsError), atomic_write(path, replace=False) as file:
        file.write_text("second")
        path.write_text("first")
    assert path.read_text() == "first"
    path.unlink()
    with atomic_write(path, replace=False) as file:
        file.write_text("third")
    assert path.read_text() == "third"
    assert contents(tmp_path) == ["out.txt"]


def test_a_folder_replaces_none_that_has_files(tmp_path: Path):
    path = tmp_path / "folder"
    for text in ("first", "second"):
        with suppress(OSError), atomic_write(path) as folder:
            folder.mkdir()
            (folder / "file").write_text(text)
    assert (path / "file").read_text() == "first"
    assert contents(tmp_path) == ["folder", "folder/file"]


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.npz"])
def test_outputs_that_can_be_written_are_accepted(name, tmp_path: Path):
    check_output(tmp_path / name)
    assert contents(tmp_path) == []


def test_an_output_of_another_kind_is_refused(tmp_path: Path):
    with pytest.raises(
        InputError, match=r"must end in \.csv, \.parquet, \.npz, \.npy\. Given: .*a\.xls"
    ):
        check_output(tmp_path / "a.xls")


def test_an_output_in_no_folder_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="there is no folder .*nowhere"):
        check_output(tmp_path / "nowhere" / "a.csv")


def test_an_output_that_is_a_folder_is_refused(tmp_path: Path):
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(InputError, match="must be a file"):
        check_output(tmp_path / "a.csv")


# Numbered folders


def fill(text: str):
    return lambda folder: (folder / "file").write_text(text)


def test_versions_count_from_1(tmp_path: Path):
    directory = tmp_path / "exports" / "name"
    first, second = (new_version(directory, fill(text)) for text in ("one", "two"))
    assert (first, second) == (directory / "1", directory / "2")
    assert [(folder / "file").read_text() for folder in (first, second)] == ["one", "two"]


def test_the_next_version_follows_the_highest_number_not_the_last_name(tmp_path: Path):
    for name in ("2", "10", "9", "notes", "11-draft"):
        (tmp_path / name).mkdir()
    assert new_version(tmp_path, fill("new")).name == "11"


def test_a_failure_leaves_no_version_behind(tmp_path: Path):
    new_version(tmp_path, fill("one"))

    def write(folder: Path) -> None:
        fill("half")(folder)
        raise StoppedError

    with pytest.raises(StoppedError):
        new_version(tmp_path, write)
    assert contents(tmp_path) == ["1", "1/file"]


def test_a_version_is_not_seen_before_it_is_whole(tmp_path: Path):
    seen = []

    def write(folder: Path) -> None:
        fill("half")(folder)
        seen.extend(path.name for path in tmp_path.iterdir() if not path.name.startswith("."))

    new_version(tmp_path, write)
    assert seen == []


def test_other_users_may_read_a_version(tmp_path: Path):
    assert new_version(tmp_path, fill("one")).stat().st_mode & 0o777 == 0o755


def test_versions_written_at_once_each_get_a_number(tmp_path: Path):
    gate = threading.Barrier(8)

    def write(folder: Path) -> None:
        fill(threading.current_thread().name)(folder)
        gate.wait(timeout=30)  # all of them look for a number at the same moment

    threads = [threading.Thread(target=new_version, args=(tmp_path, write)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(path.name) for path in tmp_path.iterdir()) == list(range(1, 9))
    assert len({(path / "file").read_text() for path in tmp_path.iterdir()}) == 8


def test_a_copy_is_whole_and_leaves_its_source(tmp_path: Path):
    source = tmp_path / "source"
    (source / "variables").mkdir(parents=True)
    (source / "variables" / "data").write_bytes(b"\0\1")
    copied = copy_version(source, tmp_path / "copies")
    assert copied == tmp_path / "copies" / "1"
    assert contents(copied) == contents(source) == ["variables", "variables/data"]
    assert (copied / "variables" / "data").read_bytes() == b"\0\1"


def test_a_folder_digest_is_of_names_and_bytes_wherever_it_lies(tmp_path: Path):
    for place, name, content in (
        ("one", "a/b", b"1"), ("same", "a/b", b"1"),
        ("renamed", "a/c", b"1"), ("other", "a/b", b"2"),
    ):  # fmt: skip
        file = tmp_path / place / name
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
    found = {place.name: folder_digest(place) for place in tmp_path.iterdir()}
    assert found["one"] == found["same"]
    assert len(set(found.values())) == 3


def test_a_file_digest_is_sha_256(tmp_path: Path):
    file = tmp_path / "file"
    file.write_bytes(b"abc")
    # NIST's example for SHA-256.
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert file_digest(file) == expected
