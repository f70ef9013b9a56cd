"""What a scheduled run is told, which starts in a folder of its own."""

from pathlib import Path

import pytest
from sklearn.datasets import load_iris

from flows.scheduling.jobs import run_jobs
from pipeline.config.data import SOURCES
from pipeline.config.schema import RunConfig
from pipeline.data.sources.read import read


@pytest.mark.parametrize("source", ["iris.csv", "parts", "parts/*.csv"])
def test_its_rows_are_the_same_in_another_folder(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    here, elsewhere = tmp_path / "data [2]", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (here / "parts").mkdir(parents=True)
    rows = load_iris(as_frame=True).frame
    for file in ("iris.csv", "parts/1.csv", "parts/2.csv"):
        rows.to_csv(here / file, index=False)

    monkeypatch.chdir(here)
    data = {"source": source, "label": "target", "unlabelled_rows": source}
    config = RunConfig.model_validate({"data": data})
    before = read(config.data)
    (job,) = run_jobs([config], "iris")
    monkeypatch.chdir(elsewhere)
    after = read(RunConfig.model_validate(job.parameters["config"]).data)
    assert (after.name, len(after.numbers)) == (before.name, len(before.numbers))
    assert job.parameters["config"]["data"]["unlabelled_rows"].startswith(str(here.parent))


@pytest.mark.parametrize("key", SOURCES)
def test_every_key_that_names_rows_is_absolute(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "rows.csv").touch()
    monkeypatch.chdir(tmp_path)
    task = {"kind": "denoise" if key == "noisy_rows" else "auto"}
    config = RunConfig.model_validate({"data": {key: "rows.csv"}, "task": task})
    (job,) = run_jobs([config], "rows")
    assert job.parameters["config"]["data"][key] == str(tmp_path / "rows.csv")


@pytest.mark.parametrize("source", ["digits", "https://example.org/data.csv?part=1"])
def test_what_is_no_file_here_keeps_its_name(source: str):
    config = RunConfig.model_validate({"data": {"source": source}})
    (job,) = run_jobs([config], "named")
    assert job.parameters["config"]["data"]["source"] == source
