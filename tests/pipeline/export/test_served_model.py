"""The registered MLflow model: the SavedModel's numbers through MLflow's own interface."""

import ast
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PythonModel
from mlflow.tracking import MlflowClient
from sklearn.datasets import load_digits

from pipeline.errors import InputError
from pipeline.export.inference import infer
from pipeline.tracking.registry import download_model, register
from tests.pipeline.whole_runs import Whole

RAW = load_digits().data[:30]
ENDPOINTS = ("serve", "encode", "reconstruct", "score")
SCRIPT = Path(__file__).parents[3] / "pipeline" / "export" / "served_model.py"


def loaded(whole: Whole):
    mlflow.set_tracking_uri(whole.called.context.tracker.uri)
    return mlflow.pyfunc.load_model(whole.summary["export"]["model_uri"])


def expected(whole: Whole, endpoint: str, numbers, categories=None) -> pd.DataFrame:
    if categories is None:
        categories = np.empty((len(numbers), 0), "<U1")
    return infer(whole.model, endpoint, numbers, categories)


# Images: a plain matrix


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_endpoint_gives_what_the_savedmodel_gives(endpoint, digits_home):
    got = loaded(digits_home).predict(RAW, params={"endpoint": endpoint})
    pd.testing.assert_frame_equal(got, expected(digits_home, endpoint, RAW))


def test_serve_is_the_default(digits_home):
    got = loaded(digits_home).predict(RAW)
    pd.testing.assert_frame_equal(got, expected(digits_home, "serve", RAW))


def test_an_unknown_endpoint_is_refused_with_those_there_are(digits_home):
    with pytest.raises(MlflowException, match=r"one of \['serve', 'encode'.*: 'predict'"):
        loaded(digits_home).predict(RAW, params={"endpoint": "predict"})


def test_rows_of_another_width_are_refused(digits_home):
    with pytest.raises(MlflowException, match="Each row is to have 64 numbers.*30, 50"):
        loaded(digits_home).predict(RAW[:, :50])


def test_numbers_of_any_type_are_taken_in_an_array_or_a_table(digits_home):
    model = loaded(digits_home)
    want = model.predict(RAW)
    table = load_digits(as_frame=True).data[:30]
    kinds = [RAW.astype(kind) for kind in ("float32", "int64", "uint8", "object", "str")]
    tables = [table, table.astype(int), table.convert_dtypes(), table.astype(str)]
    for given in (*kinds, *tables, RAW.tolist(), load_digits().images[:30]):
        pd.testing.assert_frame_equal(model.predict(given), want)


def test_columns_are_found_by_name_beside_the_target(digits_home):
    model = loaded(digits_home)
    names = [f"x{number}" for number in range(64)]
    table = pd.DataFrame(RAW, columns=names).assign(target=3)[["target", *names[::-1]]]
    pd.testing.assert_frame_equal(model.predict(table), model.predict(RAW))


def test_no_rows_have_no_predictions(flowers_home, garden):
    got = loaded(flowers_home).predict(garden[:0])
    assert (len(got), next(iter(got))) == (0, "label")


def test_what_is_no_number_is_refused_in_one_sentence(digits_home):
    model = loaded(digits_home)
    for given, sentence in [
        ([["a"] * 64], "Rows are to be numbers: could not convert string to float: 'a'."),
        (RAW[0], "Each row is to have 64 numbers. Given: an array of shape (64,)."),
        (RAW[:0, :3], "Each row is to have 64 numbers. Given: an array of shape (0, 3)."),
    ]:
        with pytest.raises(MlflowException) as refusal:
            model.predict(given)
        assert str(refusal.value) == sentence


# Tables: columns by name


@pytest.fixture
def garden(flowers) -> pd.DataFrame:
    """The table as a caller has it: no species, the year as text."""
    return flowers.drop(columns="species").astype({"year": str})


def of_kind(garden: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    names = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    return garden[names].to_numpy("float64"), garden[["garden", "year"]].to_numpy(str)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_table_s_columns_are_taken_by_name_in_any_order(endpoint, flowers_home, garden):
    garden = garden.astype({"sepal_length": "float32"})
    want = expected(flowers_home, endpoint, *of_kind(garden))
    model = loaded(flowers_home)
    for columns in (list(garden), list(garden)[::-1]):
        got = model.predict(garden[columns], params={"endpoint": endpoint})
        pd.testing.assert_frame_equal(got, want)


def test_a_column_that_lacks_is_refused_by_name(flowers_home, garden):
    with pytest.raises(MlflowException) as refusal:
        loaded(flowers_home).predict(garden.drop(columns=["petal_width", "year"]))
    assert str(refusal.value) == "These columns are missing: 'year', 'petal_width'."


@pytest.mark.parametrize("cell", [[], [1.5], [1.5, 2.5], {"cm": 1.5}], ids=str)
@pytest.mark.parametrize(
    ("column", "kind"), [("petal_length", "number"), ("garden", "category"), ("year", "category")]
)
def test_a_list_or_an_object_in_a_cell_is_refused_with_the_column(
    column, kind, cell, flowers_home, garden
):
    garden = garden.astype({column: object})
    garden.at[3, column] = cell
    with pytest.raises(MlflowException) as refusal:
        loaded(flowers_home).predict(garden)
    sentence = f"Column '{column}' is to be of one {kind} a row. Given: {cell!r}."
    assert str(refusal.value) == sentence


def test_missing_categories_may_be_none_nan_or_empty(flowers_home, garden):
    row = garden.iloc[[1, 1, 1]].reset_index(drop=True)
    row["garden"] = ["", None, np.nan]
    got = loaded(flowers_home).predict(row)
    want = expected(flowers_home, "serve", *of_kind(row.fillna({"garden": ""})))
    pd.testing.assert_frame_equal(got, want)
    assert got.iloc[0].equals(got.iloc[1]) and got.iloc[0].equals(got.iloc[2])


def test_categories_may_be_written_as_in_any_table(flowers_home, garden):
    """The year is 2001 whether it comes as text, as a number, or as a float beside missing ones."""
    row = garden.iloc[[0, 0, 0]].reset_index(drop=True)
    row["year"] = ["2001", "2001.0", " 2001 "]
    row["garden"] = ["", "Nan", "nan"]
    got = loaded(flowers_home).predict(row)
    assert got.iloc[0].equals(got.iloc[1]) and got.iloc[0].equals(got.iloc[2])


def test_whole_numbers_and_categories_come_as_pandas_reads_the_file(flowers_home, garden):
    """An integer of numbers, one declared a category, missing cells as NaN, the target beside."""
    table = pd.read_csv(flowers_home.config.data.source)
    assert (table["year"].dtype, table["garden"].isna().any()) == ("int64", True)
    model = loaded(flowers_home)
    pd.testing.assert_frame_equal(model.predict(table), model.predict(garden))
    whole = table.assign(petal_length=table["petal_length"].round().astype(int))
    of_text = whole.astype({"petal_length": str})
    pd.testing.assert_frame_equal(model.predict(whole), model.predict(of_text))


def test_numbers_may_come_in_float64(flowers_home, garden):
    assert garden["sepal_length"].dtype == "float64"
    got = loaded(flowers_home).predict(garden)
    pd.testing.assert_frame_equal(got, expected(flowers_home, "serve", *of_kind(garden)))


def test_the_signature_names_columns_and_the_endpoint(flowers_home):
    signature = loaded(flowers_home).metadata.signature
    assert signature.inputs.input_names() == [
        "sepal_length", "garden", "sepal_width", "year", "petal_length", "petal_width"
    ]  # fmt: skip
    assert signature.outputs.input_names()[0] == "label"
    assert [(p.name, p.default) for p in signature.params] == [("endpoint", "serve")]


# What is stored


@pytest.fixture(params=["digits_run", "flowers_run"])
def stored(request) -> Path:
    """The folder of the logged model."""
    whole = request.getfixturevalue(request.param)
    (file,) = (whole.home / "mlruns").rglob("MLmodel")
    return file.parent


def test_no_pickle_is_stored(stored):
    files = [path for path in stored.rglob("*") if path.is_file()]
    assert len(files) > 8
    assert {path.suffix for path in files}.isdisjoint({".pkl", ".pickle", ".joblib"})
    assert [path for path in files if path.read_bytes()[:1] == b"\x80"] == []


def test_the_model_s_code_is_our_script_and_its_packages_are_pinned(stored):
    flavor = yaml.safe_load((stored / "MLmodel").read_text())["flavors"]["python_function"]
    assert (stored / flavor["model_code_path"]).read_text() == SCRIPT.read_text()
    requirements = (stored / "requirements.txt").read_text().split()
    assert [line.partition("==")[0] for line in requirements] == [
        "mlflow", "tensorflow", "numpy", "pandas"
    ]  # fmt: skip
    assert all("==" in line for line in requirements)


def test_it_is_loaded_where_mlflow_unpickles_nothing(digits_home, tmp_path, monkeypatch):
    class Pickled(PythonModel):
        def predict(self, context, model_input: list[int], params=None):
            return model_input

    mlflow.pyfunc.save_model(tmp_path / "pickled", python_model=Pickled(), pip_requirements=[])
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    with pytest.raises(MlflowException, match="pickle"):
        mlflow.pyfunc.load_model(str(tmp_path / "pickled"))
    assert len(loaded(digits_home).predict(RAW)) == len(RAW)


def test_the_script_needs_none_of_our_code():
    imported = set()
    for node in ast.walk(ast.parse(SCRIPT.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module)
    packages = {name.partition(".")[0] for name in imported}
    assert packages == {
        *("datetime", "functools", "json", "pathlib", "re", "typing"),
        *("math", "mlflow", "numpy", "pandas", "tensorflow"),
    }


# The registry


def test_the_registered_model_belongs_to_the_run_of_its_export(digits_home):
    assert digits_home.summary["export"]["model_uri"] == "models:/digits@latest_run"
    client = MlflowClient(digits_home.called.context.tracker.uri)
    version = client.get_model_version_by_alias("digits", "latest_run")
    parent = client.get_run(version.run_id).data.tags["mlflow.parentRunId"]
    assert parent == digits_home.called.run.run_id


def test_the_savedmodel_inside_a_registered_model_is_found(digits_home):
    folder = download_model("models:/digits@latest_run")
    categories = np.empty((len(RAW), 0), "<U1")
    pd.testing.assert_frame_equal(
        infer(folder, "serve", RAW, categories), expected(digits_home, "serve", RAW)
    )


def test_a_model_is_registered_once_however_often_it_is_asked_for(flowers_home):
    tracker = flowers_home.called.context.tracker
    (run,) = [
        child
        for child in tracker.children(flowers_home.called.run.run_id)
        if child.tags["stage"] == "export"
    ]
    registered = [
        register(tracker, run.tags["logged_model"], "elsewhere", "newest") for _ in range(2)
    ]
    assert registered == [("models:/elsewhere@newest", 1)] * 2
    (version,) = tracker.client.search_model_versions("name = 'elsewhere'")
    latest = tracker.client.get_model_version_by_alias("elsewhere", "newest")
    assert str(latest.version) == str(version.version) == "1"
    assert latest.run_id == run.run_id


def test_a_model_of_another_program_is_refused(digits_home, tmp_path):
    class Constant(PythonModel):
        def predict(self, context, model_input: pd.DataFrame, params=None):
            return [1]

    mlflow.set_tracking_uri(digits_home.called.context.tracker.uri)
    mlflow.pyfunc.save_model(str(tmp_path / "model"), python_model=Constant(), pip_requirements=[])
    with pytest.raises(InputError, match="is not one that Layerwise exported"):
        download_model(str(tmp_path / "model"))
