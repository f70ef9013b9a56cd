"""Input that cannot be used: one clear message, exit status 2, and nothing half-written."""

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from sklearn.datasets import load_digits, load_wine

from flows.cli import main
from tests.flows.conftest import COMMAND


class Case(NamedTuple):
    """What is given, and words that the message must have: the rule, what was given, the cure."""

    arguments: list[str]
    words: list[str]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that are wrong in one way each, made from real data."""
    folder = tmp_path_factory.mktemp("inputs")
    wine = load_wine(as_frame=True).frame.rename(columns={"target": "cultivar"})
    wine.to_csv(folder / "wine.csv", index=False)

    def changed(name: str, change: Callable[[pd.DataFrame], object]) -> None:
        table = wine.copy()
        change(table)
        table.to_csv(folder / name, index=False)

    changed("nan.csv", lambda t: t.loc.__setitem__((3, "alcohol"), np.nan))
    changed("text.csv", lambda t: t.insert(0, "ash2", ["2.3"] * 177 + ["a lot"]))
    changed("one_class.csv", lambda t: t.__setitem__("cultivar", 1))
    changed("rare_class.csv", lambda t: t.loc.__setitem__((0, "cultivar"), 7))
    changed("one_is_left.csv", lambda t: t.__setitem__("cultivar", [7, 7] + [1] * 176))
    digits = load_digits()
    np.savez(folder / "object.npz", x=digits.data.astype(object), y=digits.target)
    np.savez(folder / "whole.npz", x=digits.data, y=digits.target)
    whole = (folder / "whole.npz").read_bytes()
    (folder / "truncated.npz").write_bytes(whole[: len(whole) // 2])
    idx = folder / "idx"
    idx.mkdir()
    packed = gzip.compress(bytes(20_000))
    (idx / "train-images-idx3-ubyte.gz").write_bytes(packed[: len(packed) // 2])
    (idx / "train-labels-idx1-ubyte.gz").write_bytes(packed)
    (folder / "broken.yaml").write_text("stack: [unclosed")
    (folder / "list.yaml").write_text("- 1\n")
    (folder / "not_a_model").mkdir()
    return folder


CASES = {
    "a missing file": Case(["run", "--data", "nothere.csv"], ["nothere.csv", "Correct the path"]),
    "an unknown source": Case(["run", "--data", "digit"], ["'digit'", "Did you mean 'digits'?"]),
    "an unknown suffix": Case(["run", "--data", "broken.yaml"], [".yaml", ".csv, .dat, .data"]),
    "an unknown column": Case(
        ["run", "--data", "wine.csv", "--label", "cultivr"],
        ["'cultivr'", "Did you mean 'cultivar'?"],
    ),
    "no label named": Case(["run", "--data", "wine.csv"], ["--label", "wine.csv"]),
    "an unknown column to ignore": Case(
        ["run", "--data", "wine.csv", "--label", "cultivar", "--set", "data.ignore=[alkohol]"],
        ["data.ignore", "Did you mean 'alcohol'?"],
    ),
    "an unknown preset": Case(["run", "digitz"], ["'digitz'", "Did you mean 'digits'?"]),
    "a missing config": Case(["run", "nothere.yaml"], ["nothere.yaml"]),
    "a config that is not YAML": Case(["run", "broken.yaml"], ["broken.yaml", "not YAML"]),
    "a config without keys": Case(["run", "list.yaml"], ["must hold keys and values", "list"]),
    "an unknown key": Case(
        ["run", "--set", "finetune.epoch=3"], ["finetune.epoch", "Did you mean 'epochs'?"]
    ),
    "an unknown key of a level": Case(
        ["run", "--set", "stack.0.unit=3"], ["stack.0.unit", "Did you mean 'units'?"]
    ),
    "an impossible value": Case(
        ["run", "--set", "stack.0.units=-3"], ["stack.0.units", "greater than 0", "-3"]
    ),
    "a word for a number": Case(
        ["run", "--set", "stack.0.epochs=many"], ["stack.0.epochs", "whole number", "'many'"]
    ),
    "an unknown mechanism": Case(
        ["run", "--set", "stack.0.sparsity.mechanism=topp"], ["stack.0.sparsity", "'topp'", "topk"]
    ),
    "values that contradict": Case(
        ["run", "--set", "stack.0.sparsity.k=600"], ["stack.0", "at most units = 512", "600"]
    ),
    "a setting without a value": Case(["run", "--set", "seed"], ["KEY=VALUE", "'seed'"]),
    "missing values": Case(
        ["run", "--data", "nan.csv", "--label", "cultivar", "--set", "data.missing=refuse"],
        ["'alcohol'", "row 4", "data.missing: impute"],
    ),
    "what would have to be decided": Case(
        ["run", "--data", "text.csv", "--label", "cultivar", "--set", "data.strict=true"],
        ["'ash2'", "1 cell ", "data.strict"],
    ),
    "one class": Case(
        ["run", "--data", "one_class.csv", "--label", "cultivar"], ["two classes", "'1'"]
    ),
    "one class, and one that is too rare": Case(
        ["run", "--data", "one_is_left.csv", "--label", "cultivar"], ["two classes", "'7' (2 rows)"]
    ),
    "more labels than rows": Case(
        ["run", "--set", "finetune.label_budgets=[2000]"], ["label_budgets", "1438", "2000"]
    ),
    "fewer labels than classes": Case(
        ["run", "--set", "finetune.label_budgets=[5]"], ["10 classes", "Given: 5"]
    ),
    "an object array": Case(["run", "--data", "object.npz"], ["object.npz", "pickle"]),
    "a truncated npz": Case(["run", "--data", "truncated.npz"], ["truncated.npz", "cut short"]),
    "a truncated gzip": Case(
        ["run", "--data", "idx"], ["train-images-idx3-ubyte.gz", "cut short"]
    ),
    "a summary in no folder": Case(
        ["run", "--summary", "nowhere/summary.json"], ["--summary", "'nowhere'"]
    ),
    "no model there": Case(
        ["predict", "nothere", "wine.csv", "-o", "out.csv"], ["'nothere'", "does not exist"]
    ),
    "a model folder that is none": Case(
        ["predict", "not_a_model", "wine.csv", "-o", "out.csv"],
        ["'not_a_model'", "not a folder that Layerwise exported"],
    ),
    "an output of unknown kind": Case(
        ["score", "not_a_model", "wine.csv", "-o", "out.xls"], [".csv, .parquet, .npz", "out.xls"]
    ),
    "a schedule that is none": Case(
        ["schedule", "digits", "--cron", "at noon"], ["--cron", "five fields", "'at noon'"]
    ),
    "no store to read": Case(["compare"], ["no MLflow store", "layerwise run"]),
    "two runs, and seeds of one": Case(["compare", "a", "b", "--per-seed"], ["for one run"]),
    "two answers asked of compare": Case(
        ["compare", "--json", "--per-seed"], ["--json, --per-seed and --plan", "Give one"]
    ),
    "a summary that is no JSON": Case(
        ["run", "digits", "--summary", "out.txt"], ["must end in .json", "out.txt"]
    ),
    "no such run": Case(["export", "0123", "out"], ["no MLflow store", "layerwise run"]),
}  # fmt: skip


def everything_below(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.fixture
def refused(inputs: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], Result]:
    """Runs a command among the inputs and checks that it leaves them as they were."""
    monkeypatch.chdir(inputs)
    for name in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)

    def run(arguments: list[str]) -> Result:
        before = everything_below(inputs)
        result = CliRunner().invoke(main, arguments)
        assert everything_below(inputs) == before
        return result

    return run


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_is_refused_with_a_message_that_helps(
    case: Case, refused: Callable[[list[str]], Result]
):
    result = refused(case.arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    message = " ".join(result.stderr.split())
    assert message.startswith("layerwise: ")
    assert "Traceback" not in message
    assert [word for word in case.words if word not in message] == []


@pytest.mark.parametrize(
    "command",
    [
        ["run", "digits"],
        ["compare"],
        ["export", "digits", "out"],
        ["score", "models:/digits@latest_run", "wine.csv", "-o", "out.csv"],
    ],
    ids=lambda command: command[0],
)
def test_a_tracking_server_that_does_not_answer_is_not_waited_for(
    command: list[str],
    refused: Callable[[list[str]], Result],
    prefect_url: str,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("PREFECT_API_URL", prefect_url)  # none is to be started
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    result = refused(command)
    assert result.exit_code == 2
    assert "No MLflow server answers at http://127.0.0.1:9 (" in result.stderr


def test_missing_values_are_imputed(refused: Callable[[list[str]], Result]):
    result = refused(["data", "nan.csv", "--label", "cultivar", "--json"])
    assert result.exit_code == 0
    assert '"problems": []' in result.output


def test_a_class_that_is_too_rare_is_named_and_not_refused(refused: Callable[[list[str]], Result]):
    result = refused(["data", "rare_class.csv", "--label", "cultivar", "--json"])
    assert result.exit_code == 0
    assert '"problems": []' in result.output
    assert "too rare to be in every part" in result.output and "'7' (1 row)" in result.output


def test_data_tells_what_is_wrong_and_still_describes(refused: Callable[[list[str]], Result]):
    result = refused(["data", "one_class.csv", "--label", "cultivar"])
    assert result.exit_code == 2
    assert "178 rows" in result.stdout
    assert "two classes" in result.stderr


HEAVY = {"tensorflow", "keras", "prefect", "mlflow", "sklearn"}


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["--help"], HEAVY | {"pandas"}),
        (["config", "digits"], HEAVY | {"pandas"}),
        (["run", "--help"], HEAVY | {"pandas"}),
        (["data", "digits"], HEAVY),
    ],
)
def test_a_quick_answer_imports_nothing_heavy(arguments: list[str], heavy: set[str]):
    code = (
        "import sys\nfrom flows.cli import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit as end:\n    assert not end.code\n"
        f"print('heavy:', sorted({heavy!r} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "heavy: []"


@pytest.mark.parametrize("command", ["compare", "run", "status"])
def test_a_current_folder_that_was_removed_is_named(command: str, tmp_path: Path):
    script = 'mkdir gone && cd gone && rmdir ../gone && exec "$0" "$1"'
    done = subprocess.run(
        ["sh", "-c", script, COMMAND, command], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    said = done.stderr.splitlines()
    # Where the path of the environment has a space, a shell starts the command, and complains too.
    assert said.pop() == (
        "layerwise: The current folder was removed. Change into one that is there, for example: cd"
    )
    assert all(line.startswith("sh: ") for line in said)
