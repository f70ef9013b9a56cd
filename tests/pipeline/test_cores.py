"""As many threads as there are cores for this process, whatever the machine has."""

import os
from pathlib import Path

import pytest

from pipeline import cores as cores_module
from pipeline.cores import cores


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the limits of a container are written; the machine has eight cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(cores_module, "CGROUP_2", tmp_path / "cpu.max")
    monkeypatch.setattr(cores_module, "CGROUP_1", (tmp_path / "quota", tmp_path / "period"))
    return tmp_path


def test_without_a_container_those_it_may_be_scheduled_on(container: Path):
    assert cores() == 8


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("max 100000", 8), ("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1),
     ("1600000 100000", 8)],
)  # fmt: skip
def test_the_quota_of_a_container(container: Path, limit: str, expected: int):
    (container / "cpu.max").write_text(f"{limit}\n")
    assert cores() == expected


@pytest.mark.parametrize(("quota", "expected"), [("-1", 8), ("300000", 3)])
def test_the_quota_of_an_older_container(container: Path, quota: str, expected: int):
    (container / "quota").write_text(f"{quota}\n")
    (container / "period").write_text("100000\n")
    assert cores() == expected


def test_here_it_is_what_the_process_is_bound_to():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert cores() == 1
    finally:
        os.sched_setaffinity(0, before)
