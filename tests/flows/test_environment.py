"""What a user's machine may be like: each of these has stopped the program once."""

import json
import os
import pty
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient
from prefect.settings import PREFECT_HOME, temporary_settings
from sklearn.datasets import load_digits

from flows.environment import LOOPBACK
from tests.flows.conftest import COMMAND, QUICK, Command, free_port, settings, write_impostors

SMALL = settings(*QUICK, "finetune.label_budgets=[30]")


def environment(home: Path, **changes: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "PREFECT_"))}
    return kept | {"PREFECT_HOME": str(home)} | changes


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with a name that is no URL, and files that are called like all that can be imported."""
    folder = tmp_path_factory.mktemp("awkward") / "My%20Repo #1"
    folder.mkdir()
    write_impostors(folder)
    return folder


@pytest.fixture(scope="module")
def awkward(folder: Path, home: Path) -> dict[str, str]:
    keras = folder.with_name("keras")
    keras.mkdir()
    (keras / "keras.json").write_text('{"floatx": "float16", "backend": "jax"}')
    nowhere = "http://127.0.0.1:9"  # a proxy at which nothing answers
    return environment(
        home,
        http_proxy=nowhere,
        HTTPS_PROXY=nowhere,
        all_proxy=nowhere,
        no_proxy="example.org",
        NO_PROXY="example.org",
        PREFECT_SERVER_API_AUTH_STRING="name:password",
        KERAS_BACKEND="jax",
        KERAS_HOME=str(keras),
        PYTHONIOENCODING="ascii",
        LC_ALL="C",
        HOME=str(keras / "keras.json" / "home"),  # cannot be made
        PYTHONWARNINGS="error",
        PYTHONOPTIMIZE="2",
        MPLBACKEND="TkAgg",
        TF_USE_LEGACY_KERAS="1",
        MLFLOW_EXPERIMENT_NAME="other",
    )


@pytest.fixture(scope="module")
def finished(folder: Path, awkward: dict[str, str]) -> str:
    """What a run says there and then."""
    run = [COMMAND, "run", "digits", *SMALL, "--summary", "summary.json"]
    done = subprocess.run(run, cwd=folder, env=awkward, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode("ascii")


@pytest.mark.slow
def test_a_run_in_an_awkward_environment_ends_as_ever(folder: Path, finished: str):
    assert not (folder / "executed").exists()
    assert "mean +/- standard deviation" in finished
    (line,) = [line for line in finished.splitlines() if line.startswith("MLflow:")]
    *_, uri = shlex.split(line)
    assert uri == f"sqlite:///{folder}/mlruns/mlflow.db"
    summary = json.loads((folder / "summary.json").read_text())
    assert Path(summary["export"]["path"]).is_relative_to(folder)
    assert Path(summary["report"]).is_relative_to(folder)


@pytest.mark.slow
def test_its_registered_model_predicts_there(folder: Path, awkward: dict[str, str], finished: str):
    np.save(folder / "rows.npy", load_digits().data[:5])
    predict = [COMMAND, "predict", "models:/digits@latest_run", "rows.npy", "-o", "labels.csv"]
    done = subprocess.run(predict, cwd=folder, env=awkward, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    assert len((folder / "labels.csv").read_text().splitlines()) == 6


@pytest.mark.slow
def test_both_pages_come_up_there(folder: Path, awkward: dict[str, str], finished: str):
    ports = ["--mlflow-port", str(free_port()), "--prefect-port", str(free_port())]
    pages = subprocess.Popen(
        [COMMAND, "ui", *ports], cwd=folder, env=awkward, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert pages.stderr
    ready = (line for line in pages.stderr if ": ready at " in line)
    said = sorted(line.partition(" at ")[0] for _, line in zip(range(2), ready, strict=False))
    pages.send_signal(signal.SIGINT)
    pages.communicate(timeout=60)
    assert said == ["MLflow: ready", "Prefect: ready"]
    assert not (folder / "executed").exists()


@pytest.mark.parametrize("given", ["", "example.org,localhost"])
def test_no_proxy_stands_between_us_and_this_machine(given: str):
    asked = (
        "import os, urllib.request;"
        "from flows.environment import set_environment; set_environment(False);"
        "print(all(map(urllib.request.proxy_bypass, ['127.0.0.1:80', 'localhost'])),"
        " urllib.request.proxy_bypass('example.com'), os.environ['NO_PROXY'])"
    )
    kept = {k: v for k, v in os.environ.items() if k.lower() != "no_proxy"}
    done = subprocess.run(
        [sys.executable, "-c", asked],
        env=kept | {"http_proxy": "http://127.0.0.1:9"} | ({"no_proxy": given} if given else {}),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    all_ours, foreign, list_ = done.stdout.split()
    assert (all_ours, foreign) == ("True", "False")
    assert set(list_.split(",")) == {*LOOPBACK, *filter(None, given.split(","))}


def test_a_folder_whose_name_no_database_address_can_have_is_refused(command: Command, tmp_path):
    folder = tmp_path / "what?now"
    folder.mkdir()
    result = command("compare", "digits", folder=folder)
    assert result.exit_code == 2
    assert "cannot have a question mark" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["what?now"]


def test_a_home_that_cannot_be_written_is_named(command: Command, tmp_path: Path):
    (tmp_path / "file").touch()
    home = tmp_path / "file" / "home"
    with temporary_settings({PREFECT_HOME: home}):
        result = command("run", "digits", folder=tmp_path)
    assert result.exit_code == 2
    assert str(home) in result.stderr and "Set PREFECT_HOME" in result.stderr


def test_a_folder_in_which_no_store_can_be_made_is_named(run_here: Command, tmp_path: Path):
    (tmp_path / "mlruns").touch()
    result = run_here("run", "digits", folder=tmp_path)
    assert result.exit_code == 2
    assert str(tmp_path / "mlruns") in result.stderr and "set MLFLOW_TRACKING_URI" in result.stderr


# Not by modes of files, which do not hold for the superuser.
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && cd "$PWD" && exec "$@"'


@pytest.mark.parametrize(
    ("name", "cure"),
    [("new", "another folder"), ("mlruns", "set MLFLOW_TRACKING_URI"), ("exports", "directory")],
)
def test_a_folder_that_can_only_be_read_is_named_before_anything_is_trained(
    name: str, cure: str, workspace: Path, prefect_url: str
):
    apart = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*apart, "true"], capture_output=True).returncode:
        pytest.skip("a process cannot be given file systems of its own here")
    folder = workspace / name
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        [*apart, "sh", "-c", READ_ONLY, folder, COMMAND, "run", "digits"],
        cwd=folder if name == "new" else workspace,
        env=environment(workspace, PREFECT_API_URL=prefect_url),
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert f"{folder} cannot be written" in done.stderr and cure in done.stderr


def test_an_experiment_that_was_deleted_is_named_with_both_cures(
    run_here: Command, workspace: Path
):
    client = MlflowClient(f"sqlite:///{workspace}/mlruns/mlflow.db")
    number = client.create_experiment("digits")
    client.delete_experiment(number)
    result = run_here("run", "digits", folder=workspace)
    assert result.exit_code == 2
    for words in ("'digits' was deleted", f"--experiment-id {number}", "--set name=NAME"):
        assert words in result.stderr


def test_a_server_that_ends_early_is_reported_with_its_last_words(
    command: Command, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "prefect.db").write_text("no database")
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    with temporary_settings({PREFECT_HOME: tmp_path}):
        result = command("run", "digits", *SMALL, folder=workspace)
    assert result.exit_code == 1
    assert "Prefect's server did not start" in result.stderr
    assert "file is not a database" in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("columns", [40, 80, 200])
def test_no_figure_is_cut_however_narrow_the_terminal(columns: int, folder: Path, finished: str):
    wide, narrow = (shown(folder, width) for width in (10_000, columns))
    assert "…" not in narrow
    figures = [word for word in wide.split() if any(map(str.isdigit, word))]
    assert len(figures) > 20
    for figure in figures:
        assert figure in narrow.replace("\r", "").split(), figure


def shown(folder: Path, columns: int) -> str:
    """What `layerwise compare` writes to a terminal with this number of columns."""
    ours, its = pty.openpty()
    with open(ours, "rb", closefd=True) as reading:
        process = subprocess.Popen(
            [COMMAND, "compare", "digits"],
            cwd=folder, env=environment(folder, COLUMNS=str(columns), TERM="dumb"),
            stdout=its, stderr=its,
        )  # fmt: skip
        os.close(its)
        text = b""
        try:
            while part := reading.read1():
                text += part
        except OSError:  # Linux: the other end is closed
            pass
        assert process.wait(timeout=60) == 0, text
    return text.decode()


@pytest.mark.slow
def test_a_closed_terminal_ends_the_run_as_killed(tmp_path: Path, home: Path):
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, "run", "digits", *SMALL, "--set", "stack.0.epochs=100000"],
        cwd=tmp_path, env=environment(home), stdin=its, stdout=its, stderr=its,
        start_new_session=True,
    )  # fmt: skip
    os.close(its)
    with open(ours, "rb", closefd=True) as reading:
        text = b""
        while b"epoch" not in text:
            text += reading.read1()
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=60) == 128 + signal.SIGHUP
    client = MlflowClient(f"sqlite:///{tmp_path}/mlruns/mlflow.db")
    runs = client.search_runs([client.get_experiment_by_name("digits").experiment_id])
    assert {run.info.status for run in runs} == {"KILLED", "FINISHED"}
    (whole,) = [run for run in runs if run.data.tags["layerwise.stage"] == "run"]
    assert whole.info.status == "KILLED"
