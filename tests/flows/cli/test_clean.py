"""`layerwise clean`: old weights and exports go, figures stay, and what stays is whole."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.tracking.cleaning.clean import clean
from tests.flows.conftest import Layerwise, free_port, mlflow_server, settings

FIRST = settings("finetune.label_budgets=[30]", "gate.size_mb=0.001")
"""Its model is too large to be the champion, which would stay."""
SECOND = settings("finetune.label_budgets=[30, 200]")
"""Takes the levels and half of the trials from the first, its export is one of its own."""


def sizes(folder: Path) -> int:
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return sum(path.stat().st_size for path in files if not path.name.startswith("mlflow.db"))


def freed(output: str) -> int:
    return int(re.search(r"(?:Freed|Would free) ([\d,]+) bytes", output)[1].replace(",", ""))


@contextmanager
def store(kind: str, folder: Path) -> Iterator[dict[str, str]]:
    """The environment of a local store, or of MLflow's server over it."""
    if kind == "local":
        yield {}
        return
    port = free_port()
    with mlflow_server(folder, port):
        yield {
            "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}",
            "LAYERWISE_SCRATCH": f"{folder}/scratch",
        }


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["local", "server"])
def test_old_weights_go_and_what_stays_is_whole(
    kind: str, make_workspace: Callable[[str], Path], layerwise: Layerwise
):
    folder = make_workspace("cleaned")
    with store(kind, folder) as environment:

        def run(*arguments: str, status: int = 0) -> str:
            result = layerwise(*arguments, folder=folder, **environment)
            assert result.returncode == status, result.stderr
            return result.stdout + result.stderr

        for name, options in (("first", FIRST), ("second", SECOND)):
            run("run", "digits", *options, "--summary", f"{name}.json")
        first, second = (
            json.loads((folder / f"{name}.json").read_text()) for name in ("first", "second")
        )
        exports = [Path(found["export"]["path"]) for found in (first, second)]
        figures = run("compare", first["run_id"], "--json")

        foretold = run("clean", "--keep", "1", "--dry-run")
        before = sizes(folder)
        assert [path.is_dir() for path in exports] == [True, True]
        done = run("clean", "digits", "--keep", "1")
        assert freed(done) == freed(foretold) == before - sizes(folder) > 0
        assert "version 1 of registered model digits" in done
        assert [path.is_dir() for path in exports] == [False, True]
        assert "nothing to remove" in run("clean", "--keep", "1")

        shown = run("compare", first["run_id"])
        assert "removed by `layerwise clean`" in shown
        kept = json.loads(run("compare", first["run_id"], "--json"))
        assert kept["comparison"] == json.loads(figures)["comparison"]
        refused = run("export", first["run_id"], "copy", status=2)
        assert "was removed by `layerwise clean`" in refused

        assert "removed" not in run("compare", second["run_id"])
        run("export", second["run_id"], "copy")
        run("run", "digits", *SECOND, "--summary", "again.json")
        again = json.loads((folder / "again.json").read_text())
        assert all(layer["cached"] for layer in again["layers"])
        assert again["export"]["path"] == second["export"]["path"]
        assert "nothing" in run("clean", "--keep", "1")

        run("run", "digits", *FIRST, "--summary", "anew.json")  # what went is computed again
        anew = json.loads((folder / "anew.json").read_text())
        assert anew["comparison"] == first["comparison"]
        assert Path(anew["export"]["path"]).is_dir()


@pytest.mark.slow
def test_a_cleaning_that_is_killed_is_taken_up_and_nothing_behind_a_link_goes(
    make_workspace: Callable[[str], Path], layerwise: Layerwise, monkeypatch: pytest.MonkeyPatch
):
    folder = make_workspace("clean_killed")
    for options in (FIRST, SECOND):
        result = layerwise("run", "digits", *options, folder=folder)
        assert result.returncode == 0, result.stderr
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlruns/mlflow.db")
    foretold = list(clean(1, None, dry_run=True))
    mine = folder / "mine"
    mine.mkdir()
    (mine / "kept").write_text("kept")
    (folder / "exports" / "digits" / "1" / "link").symlink_to(mine)
    begun = clean(1, None, dry_run=False)
    done = [next(begun) for _ in range(3)]  # and no further: as if it was killed
    rest = list(clean(1, None, dry_run=False))
    assert sorted([*done, *rest]) == sorted(foretold)
    assert (mine / "kept").read_text() == "kept"
    assert list(clean(1, None, dry_run=False)) == []


def test_without_a_store_it_is_refused(command, tmp_path: Path):
    result = command("clean", "--keep", "1", folder=tmp_path)
    assert result.exit_code == 2
    assert "There is no MLflow store" in result.output


def test_an_experiment_that_is_not_there_is_refused(command, make_workspace):
    result = command("clean", "digitz", "--keep", "1", folder=make_workspace("clean_unknown"))
    assert result.exit_code == 2
    assert "no experiment 'digitz'" in result.output
