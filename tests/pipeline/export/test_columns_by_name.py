"""A table with every kind of column: a row of JSON gives what the run itself predicts."""

import itertools
import json
import re
import runpy
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import hypothesis
import keras
import mlflow
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from click.testing import CliRunner
from hypothesis import strategies as st

from flows.cli import main
from pipeline.config.loading import check
from pipeline.data.cells import LARGEST
from pipeline.data.prepared import prepare
from pipeline.data.source import Column
from pipeline.data.sources.read import read_rows
from pipeline.data.sources.tables import sql
from pipeline.data.sources.tables.units import number, spellings
from pipeline.export import registered_model
from pipeline.export.inference import infer, model_columns
from pipeline.export.signatures.inputs import input_names
from tests.pipeline.whole_runs import Whole, whole_run

ROWS = 300


@pytest.fixture(scope="module")
def cells() -> list[dict[str, str]]:
    """The rows as the file has them. Names, dates and numbers are those that make trouble."""
    draw = np.random.default_rng(0)
    rows = []
    for n in range(ROWS):
        day = datetime(2023, 1, 1) + timedelta(seconds=int(draw.integers(0, 10**8)))
        size = draw.normal(170, 10)
        hot = draw.random() < 0.5
        rows.append(
            {
                "Größe (cm)": "" if n % 9 == 0 else f"{size:.2f}",
                "a/b": str(1_764_000_000_000 + int(draw.integers(0, 3_600_000))),
                "rows": str(draw.integers(0, 1000)),
                "ROWS": f"{draw.integers(1, 99)}%",
                "lambda": draw.choice(["yes", "no", ""]),
                "1st": "True" if hot else "False",
                "when": day.isoformat() + draw.choice(["", "Z", "+02:00"]),
                "Tag": day.strftime("%d.%m.%Y"),
                "Uhr": day.strftime("%I:%M %p"),
                "place": draw.choice(["north", "south", "Übersee", ""]),
                "code": draw.choice(["007", "042"]),
                "target": "warm" if hot or size > 178 else "cold",
            }
        )
    return rows


@pytest.fixture(scope="module")
def every_kind(cells, at_home, tmp_path_factory) -> Whole:
    home = tmp_path_factory.mktemp("every_kind")
    pd.DataFrame(cells).to_csv(home / "rows.csv", index=False)
    config = check(
        {
            "name": "every_kind",
            "data": {"source": str(home / "rows.csv"), "label": "target"},
            "stack": [{"units": 12, "epochs": 2, "batch_size": 32}],
            "finetune": {"arms": ["pretrained"], "label_budgets": ["all"], "seeds": 1,
                         "encoder_rates": [0.3], "epochs": 2},
        }
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        at_home(home, patch)
        return whole_run(config, home)


@pytest.fixture(scope="module")
def by_the_run(every_kind, tmp_path_factory) -> np.ndarray:
    """Probabilities of all rows, by the stored network on the run's own features."""
    config = every_kind.config
    folder = tmp_path_factory.mktemp("prepared") / "data"
    data = prepare(config.data, config.task, config.seed, folder)
    tracker = every_kind.called.context.tracker
    (_, done) = every_kind.called.trials[0]
    uri = tracker.client.get_run(done.run_id).info.artifact_uri
    network = keras.saving.load_model(
        Path(uri.removeprefix("file://"), "network.keras"), compile=False
    )
    logits = network(np.array(data.rows)).numpy()
    return tf.nn.softmax(logits / done.metrics["temperature"]).numpy()


@pytest.fixture(scope="module")
def metadata(every_kind) -> dict:
    return json.loads((every_kind.model / "assets.extra" / "layerwise.json").read_text())


def asked(model: Path, metadata: dict, rows: list[dict[str, str]]) -> dict[str, np.ndarray]:
    """What the model serves for rows as a program makes them that knows its JSON alone."""
    inputs = {}
    for taken in metadata["inputs"]:
        values = [row[taken["column"]] for row in rows]
        if taken["type"] == "float64":
            values = [float(value.rstrip("%") or "nan") for value in values]
        inputs[taken["name"]] = tf.constant(values, taken["type"])
    outputs = tf.saved_model.load(str(model)).signatures["serve"](**inputs)
    return {name: value.numpy() for name, value in outputs.items()}


def test_each_column_is_of_the_kind_that_it_should_be(every_kind):
    assert [column[1:] for column in model_columns(every_kind.model)] == [
        *[("number", "", "")] * 3,
        ("number", "", "%"),
        *[("boolean", "", "")] * 2,
        ("date", "ISO 8601", ""),
        ("date", "%d.%m.%Y", ""),
        ("date", "%I:%M %p", ""),
        *[("category", "", "")] * 2,
    ]


def test_the_model_says_what_its_inputs_are_called_and_how_they_are_written(metadata):
    inputs = {taken["column"]: taken for taken in metadata["inputs"]}
    assert inputs["Größe (cm)"] == {
        "name": "Gr_e_cm",
        "column": "Größe (cm)",
        "type": "float64",
        "kind": "number",
    }
    assert inputs["a/b"]["name"] == "a_b"
    assert [inputs[name]["name"] for name in ("rows", "ROWS")] == ["rows", "ROWS_2"]
    assert inputs["lambda"]["name"] == "column_lambda"
    assert inputs["1st"]["type"] == "string"
    assert inputs["Tag"]["form"] == "%d.%m.%Y"
    assert inputs["when"]["form"] == "ISO 8601"


def test_rows_as_people_write_them_get_what_the_run_predicts(
    every_kind, metadata, cells, by_the_run
):
    got = asked(every_kind.model, metadata, cells)["probabilities"]
    np.testing.assert_allclose(got, by_the_run, atol=1e-5)
    assert np.ptp(by_the_run, axis=0).min() > 0.1


def test_predict_gives_what_the_run_predicts(every_kind, by_the_run):
    rows = read_rows(every_kind.config.data.source, model_columns(every_kind.model))
    found = infer(every_kind.model, "serve", rows.numbers, rows.categories)
    np.testing.assert_allclose(found.drop(columns="label"), by_the_run, atol=1e-5)


@pytest.mark.slow
def test_a_process_without_our_code_serves_a_row_of_json(every_kind, metadata, cells, by_the_run):
    names = {taken["column"]: taken["name"] for taken in metadata["inputs"]}
    row = {names[column]: value for column, value in cells[1].items() if column in names}
    for taken in metadata["inputs"]:
        if taken["type"] == "float64":
            row[taken["name"]] = float(row[taken["name"]].rstrip("%"))
    code = f"""
import json, sys
import tensorflow as tf
sys.modules["pipeline"] = sys.modules["layers"] = None
serve = tf.saved_model.load({str(every_kind.model)!r}).signatures["serve"]
specs = serve.structured_input_signature[1]
row = json.loads(sys.stdin.read())
print(json.dumps(serve(**{{name: tf.constant([value], specs[name].dtype)
                         for name, value in row.items()}})["probabilities"].numpy().tolist()))
"""
    run = subprocess.run(
        [sys.executable, "-I", "-c", code], input=json.dumps(row), capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    np.testing.assert_allclose(json.loads(run.stdout), by_the_run[1:2], atol=1e-5)


@pytest.mark.parametrize(
    ("column", "cells_alike"),
    [
        ("1st", ("True", "TRUE", "true", "yes", "1", " t ")),
        ("lambda", ("no", "NO", "0", "False", "off")),
        ("lambda", ("", " ", "NA", "?", "nan", "perhaps")),
        ("place", ("", "n/a", "None", "-")),
        ("place", ("Mars", "Venus")),
        ("place", ("north", " north ")),
        ("when", ("2023-05-06T07:08:09Z", "2023/05/06 07:08:09", "2023-05-06 09:08:09+02")),
        ("when", ("", "NA", "yesterday", "2023-02-30")),
        ("Tag", ("06.05.2023", "6.5.2023", "@1683331200")),
        ("Uhr", ("01:02 PM", "1:02 pm")),
    ],
)
def test_what_means_the_same_is_read_as_the_same(column, cells_alike, every_kind, metadata, cells):
    rows = [cells[1] | {column: cell} for cell in cells_alike]
    code = asked(every_kind.model, metadata, rows)["probabilities"]
    np.testing.assert_array_equal(code, code[:1].repeat(len(rows), axis=0))


def test_a_missing_number_is_nan(every_kind, metadata, cells):
    rows = [cells[1] | {"Größe (cm)": cell} for cell in ("nan", "inf", "-1e300", "171")]
    got = asked(every_kind.model, metadata, rows)["probabilities"]
    assert np.isfinite(got).all()
    np.testing.assert_array_equal(got[0], got[1])
    np.testing.assert_array_equal(got[0], got[2])
    assert not np.array_equal(got[0], got[3])


# The registered model


def registered(whole: Whole, monkeypatch, at_home):
    at_home(whole.home, monkeypatch)
    return mlflow.pyfunc.load_model(whole.summary["export"]["model_uri"])


def test_the_registered_model_takes_what_pandas_reads(every_kind, by_the_run, at_home, monkeypatch):
    model = registered(every_kind, monkeypatch, at_home)
    frame = pd.read_csv(every_kind.config.data.source)
    assert {str(frame[name].dtype) for name in ("1st", "rows", "code")} == {"bool", "int64"}
    dates = frame.assign(
        when=pd.to_datetime(frame["when"], utc=True, format="ISO8601"),
        Tag=pd.to_datetime(frame["Tag"], format="%d.%m.%Y"),
    )
    text = pd.read_csv(every_kind.config.data.source, dtype=str)
    for given in (frame, dates, text):
        found = model.predict(given).drop(columns="label")
        np.testing.assert_allclose(found, by_the_run, atol=1e-5)


def served_script() -> dict[str, Any]:
    return runpy.run_path(str(Path(registered_model.__file__).with_name("served_model.py")))


NUMBERS = st.one_of(
    st.from_regex(r"[+-]?[0-9]{1,4}([.,' ][0-9]{1,4}){0,3}[%€]?", fullmatch=True),
    st.from_regex(r"[$€]?[0-9]{0,3}[.,][0-9]{0,3}([eE]-?[0-9])?", fullmatch=True),
    st.text("0123456789.,-+eE%$ '\u00a0", max_size=8),
    st.from_regex(
        r"[-+\u2212(]?(EUR|CHF|\$)? ?[-\u2212]?[1-9][0-9]{0,2}([\u2019.,][0-9]{3})?"
        r"( ?(USD|%|€|kg|days?|[kM]))?[-)]?",
        fullmatch=True,
    ),
)
UNITS = ("", "kg", "day", "$", "%", "k, M, B")


def test_the_registered_model_reads_numbers_as_people_write_them_as_training_did():
    by_script = served_script()["_number"]
    connection = duckdb.connect()

    @hypothesis.settings(derandomize=True, database=None, deadline=None, max_examples=60)
    @hypothesis.given(st.lists(NUMBERS, min_size=30, max_size=60))
    def compare(cells):
        for mark, unit in itertools.product(".,", UNITS):
            wanted = number(sql.given("t", ()), mark, unit)
            query = f"SELECT {wanted} FROM (SELECT unnest(?) AS t)"
            expected = [value for (value,) in connection.execute(query, [cells]).fetchall()]
            known = spellings(unit) if unit else {}
            got = np.array([by_script(cell, mark == ",", known) for cell in cells])
            got[np.abs(got) > LARGEST] = np.nan  # the SavedModel does so
            for cell, one, other in zip(cells, expected, got, strict=True):
                one = np.nan if one is None else one
                assert np.isclose(one, other, rtol=1e-12, equal_nan=True), (cell, mark, one, other)

    compare()


# Names


@hypothesis.settings(derandomize=True, database=None)
@hypothesis.given(st.lists(st.text(max_size=6), min_size=1, max_size=12, unique=True))
def test_any_names_make_names_that_tensorflow_takes(names):
    found = input_names([Column(name, "number") for name in names])
    assert list(found) == names
    assert len({name.lower() for name in found.values()}) == len(names)
    for name in found.values():
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) and name not in ("self", "lambda")


def test_a_valid_name_stays_whatever_comes_before_it():
    names = ("a b", "a_b", "A_B", "class", "self", "x_")
    found = input_names([Column(name, "number") for name in names])
    assert found["a_b"] == "a_b" and found["x_"] == "x_"
    assert found["class"] == "column_class"


def test_tensorflow_takes_the_names(tmp_path):
    class Sum(tf.Module):
        def run(self, *values):
            return {"sum": tf.add_n(values)}

    names = ("a", "a_", "A_1", "a_1", "a_2", "a__", "self", "name", "args", "inputs", "training",
             "日本", "", "_", "1", "None", "f", "input_1", "serve", "captured_inputs")  # fmt: skip
    given_names = input_names([Column(name, "number") for name in names]).values()
    archive, module = keras.export.ExportArchive(), Sum()
    archive.track(module)
    signature = [tf.TensorSpec((None,), tf.float64, name=name) for name in given_names]
    archive.add_endpoint("serve", module.run, signature)
    archive.write_out(str(tmp_path / "model"), verbose=False)
    serve = tf.saved_model.load(str(tmp_path / "model")).signatures["serve"]
    assert set(serve.structured_input_signature[1]) == set(given_names)
    one = tf.constant([1.0], tf.float64)
    assert serve(**dict.fromkeys(given_names, one))["sum"].numpy() == len(names)


# On the command line


def predicted(model: Path, table: Path, *options: str, command: str = "predict"):
    """The output as a table, and what was said on standard error."""
    out = table.parent / "out.csv"
    run = CliRunner().invoke(main, [command, str(model), str(table), "-o", str(out), *options])
    assert run.exit_code == 0, run.output
    return pd.read_csv(out), run.stderr


def refused(model: Path, data: str, out: Path, *options: str) -> str:
    """What is said on standard error where nothing can be predicted."""
    run = CliRunner().invoke(main, ["predict", str(model), data, "-o", str(out), *options])
    assert run.exit_code == 2
    assert not out.exists()
    return run.stderr


@pytest.fixture
def table(cells, tmp_path) -> Path:
    pd.DataFrame(cells).to_csv(tmp_path / "table.csv", index=False)
    return tmp_path / "table.csv"


def test_the_training_file_is_predicted_without_a_word(every_kind, table, by_the_run):
    found, said = predicted(every_kind.model, table)
    np.testing.assert_allclose(found.drop(columns="label"), by_the_run, atol=1e-5)
    assert said == ""


def test_without_names_columns_are_found_by_position_with_the_target_or_without(
    every_kind, cells, table
):
    whole, _ = predicted(every_kind.model, table)
    for columns in (list(cells[0]), list(cells[0])[:-1]):
        pd.DataFrame(cells)[columns].to_csv(table, index=False, header=False)
        found, said = predicted(every_kind.model, table)
        pd.testing.assert_frame_equal(found, whole)
        assert "table.csv has no header: its columns are taken by their order for" in said


def test_another_number_of_columns_without_names_is_refused(every_kind, cells, table):
    pd.DataFrame(cells).iloc[:, 3:].to_csv(table, index=False, header=False)
    said = refused(every_kind.model, str(table), table.with_name("out.csv"))
    assert "9 columns, and the model reads 12 or 11" in said


def test_what_the_model_does_not_know_is_said(every_kind, cells, table):
    whole, _ = predicted(every_kind.model, table)
    frame = pd.DataFrame(cells).assign(extra="x")[["extra", *list(cells[0])[::-1]]]
    frame.loc[3, "place"] = "Mars"
    frame["code"] = "1000"
    frame["Tag"] = "6. Mai 2023"
    frame["rows"] = ""
    frame.to_csv(table, index=False)
    _, said = predicted(every_kind.model, table)
    notes = said.splitlines()
    assert all(note.startswith("note: ") for note in notes)
    for expected in (
        r"table\.csv has columns that the table of training has not.*: 'extra'\.",
        r"'place' has 1 of \d+ values that the model does not know: 'Mars'\.",
        r"'code' has no value that the model knows, but '1000'\. Is it the column",
        r"'Tag' of table\.csv is a date.* 300 of 300 cells are none, such as '6\. Mai 2023'",
        r"'rows' has no value that the model can read",
    ):
        assert len([note for note in notes if re.search(expected, note)]) == 1, (expected, said)
    assert not [note for note in notes if "'target'" in note]
    assert len(whole) == len(frame)


def test_columns_are_carried_into_the_output(every_kind, cells, table):
    frame = pd.DataFrame(cells).assign(id=[f"{n:04}" for n in range(ROWS)])
    frame.to_csv(table, index=False)
    found, said = predicted(every_kind.model, table, "--keep", "id,Größe (cm)", command="score")
    assert list(found) == ["id", "Größe (cm)", "reconstruction_error"]
    raw = pd.read_csv(table.parent / "out.csv", dtype=str, keep_default_na=False)
    assert raw["id"].tolist() == frame["id"].tolist()
    assert raw["Größe (cm)"].tolist() == frame["Größe (cm)"].tolist()
    assert said == ""  # a column that is kept is no news


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        ("place,nowhere", "--keep must name a column of the table.*no column 'nowhere'"),
        ("label", "need names of their own. 'label'"),
    ],
)
def test_what_cannot_be_carried_is_refused(keep, message, every_kind, cells, table):
    pd.DataFrame(cells).assign(label=1).to_csv(table, index=False)
    out = str(table.parent / "out.csv")
    run = CliRunner().invoke(main, ["predict", str(every_kind.model), str(table), "-o", out,
                                    "--keep", keep])  # fmt: skip
    assert run.exit_code == 2
    assert re.search(message, run.stderr)


def test_arrays_have_no_columns_to_keep(digits_run, tmp_path):
    said = refused(digits_run.model, "digits", tmp_path / "out.csv", "--keep", "id")
    assert "Columns to keep are those of a table" in said
