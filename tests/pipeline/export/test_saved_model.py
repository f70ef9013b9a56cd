"""The SavedModel: what NumPy computes from the weights, in any process, from raw rows."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

from layers import SparseAutoencoder
from pipeline.config.data import DataConfig
from pipeline.config.level import LevelConfig
from pipeline.config.sparsity import TopKLimit
from pipeline.config.task import AutoTask, ClassificationTask, RegressionTask
from pipeline.config.untrained import untrained
from pipeline.data.features.preprocessing import Preprocessing
from pipeline.data.prepared import Prepared, prepare
from pipeline.data.source import Column
from pipeline.data.sources.read import read
from pipeline.export.metadata import metadata_of
from pipeline.export.saved_model import export
from pipeline.export.signatures.endpoints import Endpoints
from pipeline.export.signatures.inputs import by_name
from pipeline.export.signatures.raw_rows import (
    features_of,
    input_signature,
    numbers_and_categories,
)
from pipeline.export.trained import ENDPOINTS, Trained
from pipeline.export.verify import CLEAN_LOADER, ExportError, check_same
from pipeline.stages.base import Outcome
from pipeline.stages.trial import Trial
from pipeline.tasks import task_of
from pipeline.tasks.task import Coding, Task
from pipeline.training.finetuning.network import build_network, initialize, random_autoencoders
from tests.pipeline.whole_runs import Whole

OF_TWO_LEVELS = (*ENDPOINTS, "encode_level_1", "encode_level_2")
RAW = load_digits().data


NO_TEXT = np.empty((300, 0), "<U1")


def contents(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def stored(whole: Whole, run_id: str, name: str) -> keras.Model:
    """A model as a run stored it."""
    run = whole.called.context.tracker.client.get_run(run_id)
    file = Path(run.info.artifact_uri.removeprefix("file://"), name)
    return keras.saving.load_model(file, compile=False)


def exported_trial(whole: Whole) -> tuple[Trial, Outcome]:
    """The trial that was exported."""
    tracker = whole.called.context.tracker
    children = tracker.children(whole.called.run.run_id)
    (tags,) = [child.tags for child in children if child.tags["stage"] == "export"]
    (found,) = [
        (trial, done)
        for trial, done in whole.called.trials
        if (trial.arm, str(trial.labels), str(trial.seed))
        == (tags["arm"], tags["labels"], tags["seed"])
    ]
    return found


def softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def kept(activations: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    return np.where(activations >= threshold, activations, 0)


@pytest.fixture(scope="module")
def signatures(digits_run):
    return tf.saved_model.load(str(digits_run.model)).signatures


def call(signatures, endpoint: str, rows: np.ndarray = RAW) -> dict[str, np.ndarray]:
    outputs = signatures[endpoint](rows=tf.constant(rows))
    return {name: value.numpy() for name, value in outputs.items()}


# Against NumPy


def test_serve_gives_what_numpy_computes_from_the_stored_weights(digits_home, signatures):
    _, done = exported_trial(digits_home)
    network = stored(digits_home, done.run_id, "network.keras")
    kernel, bias, threshold, kernel_2, bias_2, mean, variance, head, head_bias = (
        weights for weights in network.get_weights() if weights.ndim
    )
    codes = kept(np.maximum(RAW / 16 @ kernel + bias, 0), threshold)
    codes = np.maximum(codes @ kernel_2 + bias_2, 0)
    logits = (codes - mean) / np.sqrt(variance) @ head + head_bias
    got = call(signatures, "serve")
    temperature = done.metrics["temperature"]
    assert temperature != 1
    np.testing.assert_allclose(got["probabilities"], softmax(logits / temperature), atol=1e-5)
    labels = [label.decode() for label in got["label"]]
    assert labels == [str(number) for number in logits.argmax(axis=1)]
    assert np.mean(np.array(labels) == load_digits().target.astype(str)) > 0.5


def test_encode_reconstruct_and_score_are_those_of_the_pretrained_stack(digits_home, signatures):
    parts = []
    trial, _ = exported_trial(digits_home)
    called = digits_home.called
    for level in called.stacks[called.plan.stack_of(trial)]:
        autoencoder = stored(digits_home, level.run_id, "autoencoder.keras")
        threshold = autoencoder.sparsity.threshold.value.numpy()
        parts.append((*autoencoder.encoder.get_weights(), threshold,
                      *autoencoder.decoder.get_weights()))  # fmt: skip
    kernel, bias, threshold, decoder, decoder_bias = parts[0]
    kernel_2, bias_2, threshold_2, decoder_2, decoder_bias_2 = parts[1]
    rows = RAW / 16
    codes = kept(np.maximum(rows @ kernel + bias, 0), threshold)
    codes = kept(np.maximum(codes @ kernel_2 + bias_2, 0), threshold_2)
    below = kept(np.maximum(codes @ decoder_2 + decoder_bias_2, 0), threshold)
    reconstruction = below @ decoder + decoder_bias
    assert 0.05 < (codes > 0).mean() < 0.5
    got = call(signatures, "encode")["code"]
    # An activation at its threshold may fall on either side of it.
    agree = (got > 0) == (codes > 0)
    assert agree.mean() > 0.999
    np.testing.assert_allclose(got[agree], codes[agree], atol=1e-4)
    same = agree.all(axis=1)
    got = call(signatures, "reconstruct")["reconstruction"]
    close = np.isclose(got, 16 * reconstruction, atol=1e-2).all(axis=1)
    assert close[same].mean() > 0.99
    got = call(signatures, "score")["reconstruction_error"]
    np.testing.assert_allclose(
        got[close], np.mean((rows - reconstruction) ** 2, axis=1)[close], atol=1e-3
    )
    assert got.mean() < np.mean(rows.var(axis=0))  # better than the mean row


def test_the_code_of_the_topmost_level_is_that_of_the_stack(signatures):
    top = call(signatures, "encode_level_2")["level_2"]
    np.testing.assert_array_equal(top, call(signatures, "encode")["code"])
    below = call(signatures, "encode_level_1")["level_1"]
    assert below.shape[1] != top.shape[1]
    assert 0.05 < (below > 0).mean() < 0.5


@pytest.mark.parametrize("endpoint", OF_TWO_LEVELS)
def test_a_single_row_gives_what_it_gives_in_a_batch(endpoint, signatures):
    together = call(signatures, endpoint)
    for number in range(5):
        alone = call(signatures, endpoint, RAW[number : number + 1])
        for name, value in alone.items():
            if name == "label":
                assert value[0] == together[name][number]
            else:
                np.testing.assert_allclose(value[0], together[name][number], atol=1e-4)


def test_no_rows_give_no_outputs(signatures):
    for endpoint in OF_TWO_LEVELS:
        for value in call(signatures, endpoint, RAW[:0]).values():
            assert len(value) == 0


# In any process


def test_the_default_signature_of_other_programs_is_there(digits_run):
    assert (digits_run.model / "saved_model.pb").is_file()
    loaded = tf.saved_model.load(str(digits_run.model))
    assert {*OF_TWO_LEVELS, "serving_default"} == set(loaded.signatures)
    row = tf.constant(RAW[:1])
    default, serve = (loaded.signatures[name](rows=row) for name in ("serving_default", "serve"))
    np.testing.assert_array_equal(default["probabilities"], serve["probabilities"])


def test_a_process_without_our_code_gives_thecheck_same(digits_run, signatures, tmp_path):
    np.savez(tmp_path / "given.npz", rows=RAW[:50])
    command = [sys.executable, "-I", str(CLEAN_LOADER), str(digits_run.model), "given.npz", "got"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    with np.load(tmp_path / "got.npz", allow_pickle=False) as got:
        assert set(got.files) == {
            "serve/label", "serve/probabilities", "encode/code", "reconstruct/reconstruction",
            "score/reconstruction_error", "encode_level_1/level_1", "encode_level_2/level_2",
        }  # fmt: skip
        for name in got.files:
            endpoint, _, output = name.partition("/")
            expected = call(signatures, endpoint, RAW[:50])[output]
            if output == "label":
                assert got[name].tolist() == [label.decode() for label in expected]
            else:
                np.testing.assert_allclose(got[name], expected, atol=1e-4)


def test_the_clean_process_cannot_import_our_code():
    # The verification would show nothing if a layer of ours were found beside the loader.
    code = f"import runpy; runpy.run_path({str(CLEAN_LOADER)!r}); import pipeline"
    code = code.replace("import runpy", "import sys; sys.modules['tensorflow'] = sys; import runpy")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 1
    assert "import of pipeline halted; None in sys.modules" in run.stderr


# What cannot be verified is not exported

STACK = untrained((LevelConfig(units=8, sparsity=TopKLimit(k=3)),), decoder=True)
CLASSES = task_of(ClassificationTask())
NUMBER = task_of(RegressionTask())
UNCODED = Coding()


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Prepared:
    return prepare(DataConfig(), AutoTask(), 0, tmp_path_factory.mktemp("prepared") / "data")


def trained_on(data: Prepared, network: keras.Model | None = None) -> Trained:
    autoencoders = random_autoencoders(STACK, 64, seed=0)
    if network is None:
        built = build_network(STACK, 64, 10)
        initialize(built, autoencoders, data.rows[:100], seed=0)
        network = built.model
    return Trained(
        "made",
        data.preprocessing,
        STACK,
        autoencoders,
        network,
        data.task,
        data.classes,
        UNCODED,
    )


def test_a_model_that_gives_other_numbers_elsewhere_is_not_exported(data, tmp_path):
    # Noise that acts outside training too: no two calls give the same.
    noise = keras.layers.Lambda(lambda codes: codes + tf.random.normal(tf.shape(codes)))
    network = keras.Sequential([keras.Input((64,)), noise, keras.layers.Dense(10)])
    (tmp_path / "made" / "1").mkdir(parents=True)
    with pytest.raises(ExportError, match=r"serve/\w+ differs .*in the exported model"):
        export(trained_on(data, network), tmp_path / "made", data.numbers, data.categories)
    assert contents(tmp_path) == ["made"]
    assert contents(tmp_path / "made") == ["1"]


def test_a_model_that_needs_our_process_is_not_exported(data, tmp_path):
    def through_python(rows):
        (doubled,) = tf.py_function(lambda r: [r * 2], [rows], [tf.float32])
        return tf.ensure_shape(doubled, (None, 64))

    network = keras.Sequential(
        [keras.Input((64,)), keras.layers.Lambda(through_python, (64,)), keras.layers.Dense(10)]
    )
    with pytest.raises(ExportError, match="the exported model does not load: .*"):
        export(trained_on(data, network), tmp_path / "made", data.numbers, data.categories)
    assert contents(tmp_path / "made") == []


@pytest.mark.parametrize("got", [[0.5, np.nan], [0.5, 2e-4], [0.5, -2e-5]])
def test_numbers_that_differ_or_are_none_are_refused(got):
    expected = np.array([0.5, 0.0], "float32")
    check_same("serve/probabilities", expected, expected + 5e-6)
    with pytest.raises(ExportError, match="serve/probabilities differs by"):
        check_same("serve/probabilities", expected, np.array(got, "float32"))
    with pytest.raises(ExportError, match="serve/probabilities differs by nan"):
        check_same("serve/probabilities", expected * np.nan, expected * np.nan)


# What it says of itself


def test_the_model_carries_its_columns_classes_and_the_names_of_its_outputs(digits_run):
    metadata = json.loads((digits_run.model / "assets.extra" / "layerwise.json").read_text())
    assert (metadata["name"], metadata["task"]) == ("digits", "classification")
    assert metadata["classes"] == list("0123456789")
    assert metadata["columns"] == [[f"x{number}", "number", "", ""] for number in range(64)]
    assert metadata["endpoints"] == list(OF_TWO_LEVELS)
    assert metadata["temperature"] > 0
    assert metadata["thresholds"] == []  # of ten classes the most probable is taken
    assert metadata["needs_every_value"] is True
    assert metadata["outputs"]["label"] == ["label"]
    assert metadata["outputs"]["probabilities"][3] == "probability of 3"
    assert metadata["outputs"]["code"] == [f"code_{unit}" for unit in range(24)]
    assert metadata["outputs"]["reconstruction"] == [f"x{number}" for number in range(64)]


def test_a_run_s_first_export_is_version_1(digits_run):
    assert digits_run.model == digits_run.home / "exports" / "digits" / "1"
    assert contents(digits_run.model.parent) == ["1"]


# From raw rows: missing values and categories


@pytest.fixture(scope="module")
def garden(flowers_run):
    return tf.saved_model.load(str(flowers_run.model)).signatures


MEASURES = ("sepal_length", "sepal_width", "petal_length", "petal_width")
PLACES = ("garden", "year")


def flower(garden, endpoint: str, numbers: list, categories: list) -> dict[str, np.ndarray]:
    outputs = garden[endpoint](
        **{name: tf.constant(np.array(numbers, float)[:, n]) for n, name in enumerate(MEASURES)},
        **{name: tf.constant(np.array(categories)[:, n]) for n, name in enumerate(PLACES)},
    )
    return {name: value.numpy() for name, value in outputs.items()}


ROW, PLACE = [5.0, 3.0, 1.5, 0.2], ["south", "2001"]


def test_the_metadata_has_the_kind_of_each_column(flowers_run):
    metadata = json.loads((flowers_run.model / "assets.extra" / "layerwise.json").read_text())
    assert [tuple(column) for column in metadata["columns"]] == [
        ("sepal_length", "number", "", ""),
        ("garden", "category", "", ""),
        ("sepal_width", "number", "", ""),
        ("year", "category", "", ""),
        ("petal_length", "number", "", ""),
        ("petal_width", "number", "", ""),
    ]
    assert metadata["classes"] == ["setosa", "versicolor", "virginica"]
    assert metadata["needs_every_value"] is False
    assert metadata["outputs"]["reconstruction"] == [
        "sepal_length", "sepal_width", "petal_length", "petal_width", "sepal_width is missing",
        "garden=", "garden=east", "garden=north", "garden=south", "year=2001", "year=2002",
    ]  # fmt: skip


def test_raw_rows_of_a_table_get_their_labels(garden, flowers):
    names = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    got = flower(garden, "serve", flowers[names].to_numpy(),
                 flowers[["garden", "year"]].astype(str).to_numpy())  # fmt: skip
    labels = np.array([label.decode() for label in got["label"]])
    assert np.mean(labels == flowers["species"]) > 0.9
    np.testing.assert_allclose(got["probabilities"].sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("endpoint", ["serve", "encode", "reconstruct"])
def test_a_missing_number_is_the_median_of_the_training_rows_and_told_to_be_missing(
    endpoint, garden, flowers_run, tmp_path
):
    data = prepare(
        flowers_run.config.data, flowers_run.config.task, flowers_run.config.seed, tmp_path / "data"
    )
    train = read(flowers_run.config.data).numbers[data.splits.train, 1]
    median = float(np.nanmedian(train))
    row = np.array([[5.0, np.nan, 1.5, 0.2]])
    filled = np.array([[5.0, median, 1.5, 0.2]])
    features, imputed = (data.preprocessing.apply(r, np.array([PLACE])) for r in (row, filled))
    assert np.flatnonzero(features != imputed).tolist() == [4]  # "sepal_width is missing"
    missing = flower(garden, endpoint, row, [PLACE])
    other = flower(garden, endpoint, [[5.0, median + 2, 1.5, 0.2]], [PLACE])
    for value in missing.values():
        assert value.dtype.kind in "OS" or np.isfinite(value).all()
    assert any(not np.array_equal(value, other[name]) for name, value in missing.items())


def test_categories_count_and_one_that_training_never_saw_is_none_of_them(garden):
    def features_error(place: str) -> float:
        return flower(garden, "score", [ROW], [[place, "2001"]])["reconstruction_error"][0]

    errors = {place: features_error(place) for place in ("south", "north", "", "Mars", "Venus")}
    assert errors["Mars"] == errors["Venus"]
    assert len(set(errors.values())) == 4
    assert all(np.isfinite(value) for value in errors.values())


def test_a_reconstruction_is_in_raw_units(garden, flowers):
    names = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    whole = flowers.dropna()
    got = flower(garden, "reconstruct", whole[names].to_numpy(),
                 whole[["garden", "year"]].astype(str).to_numpy())["reconstruction"]  # fmt: skip
    assert got.shape == (len(whole), 11)
    for column, name in enumerate(names):
        assert np.corrcoef(got[:, column], whole[name])[0, 1] > 0.7
        assert got[:, column].mean() == pytest.approx(whole[name].mean(), rel=0.1)
    shares = got[:, 9:].mean(axis=0)  # of the two years
    np.testing.assert_allclose(shares, 0.5, atol=0.1)


def test_a_number_that_training_never_missed_gives_nothing_rather_than_a_guess(signatures):
    rows = RAW[:3].copy()
    rows[1, 20] = np.nan
    for endpoint in OF_TWO_LEVELS:
        whole, got = call(signatures, endpoint, RAW[:3]), call(signatures, endpoint, rows)
        for name, value in got.items():
            if name == "label":
                assert value.tolist() == [whole[name][0], b"", whole[name][2]]
            else:
                assert np.isnan(value[1]).all()
                np.testing.assert_array_equal(value[[0, 2]], whole[name][[0, 2]])


# Kinds of columns and tasks, without a subprocess


def made(
    preprocessing: Preprocessing, classes=(), coding: Coding = UNCODED, task: Task | None = None
) -> Trained:
    width = len(preprocessing.feature_names)
    stack = untrained((LevelConfig(units=4),), decoder=True)
    autoencoders = random_autoencoders(stack, width, seed=0)
    network = build_network(stack, width, max(len(classes), 1))
    initialize(network, autoencoders, np.eye(width, dtype="float32"), seed=0)
    task = task or (CLASSES if classes else NUMBER)
    return Trained(
        "made",
        preprocessing,
        stack,
        autoencoders,
        network.model,
        task,
        classes,
        coding,
    )


NUMBERS = Preprocessing(
    columns=(Column("a", "number"), Column("b", "number")),
    fill=np.full(2, np.nan),
    offset=np.array([1.0, 2.0]),
    scale=np.array([2.0, 4.0]),
    vocabularies=(),
    refuses_missing=True,
)
CATEGORIES = Preprocessing(
    columns=(Column("c", "category"), Column("d", "category")),
    fill=np.empty(0),
    offset=np.empty(0),
    scale=np.empty(0),
    vocabularies=(("x", "y"), ("1", "2", "3")),
    refuses_missing=True,
)


def test_a_regression_predicts_in_raw_units():
    trained = made(NUMBERS, coding=Coding(100.0, 10.0))
    rows = tf.constant([[1.0, 2.0], [3.0, 6.0]], tf.float64)
    (prediction,) = Endpoints(trained).run("serve", rows).values()
    standardised = trained.network(np.array([[0, 0], [1, 1]], "float32")).numpy()[:, 0]
    np.testing.assert_allclose(prediction, standardised * 10 + 100, rtol=1e-6)
    metadata = metadata_of(trained)
    assert (metadata["task"], metadata["classes"]) == ("regression", [])
    assert metadata["outputs"]["prediction"] == ["prediction"]


def test_categories_alone_are_enough():
    signature = input_signature(CATEGORIES.columns, named=True)
    assert [(spec.name, spec.dtype) for spec in signature] == [("c", "string"), ("d", "string")]
    given = [tf.constant(["y", "z"]), tf.constant(["3", "1.0"])]
    raw = numbers_and_categories(CATEGORIES.columns, (), given)
    got = features_of(CATEGORIES, *raw).numpy()
    assert got.tolist() == [[0, 1, 0, 0, 1], [0, 0, 1, 0, 0]]


@pytest.mark.parametrize("missing", ["", "nan", "NaN", "Nan", " "])
def test_a_missing_category_that_training_never_missed_gives_nothing(missing):
    endpoints = Endpoints(made(CATEGORIES, classes=("no", "yes")))
    rows = tf.constant(["y", "x"]), tf.constant(["3", missing])
    for name in ENDPOINTS:
        for output, value in endpoints.run(name, *rows).items():
            whole, lacking = value.numpy()
            if output == "label":
                assert (whole in (b"no", b"yes"), lacking) == (True, b"")
            else:
                assert np.isfinite(whole).all()
                assert np.isnan(lacking).all()


def test_reconstructions_beside_a_large_offset_keep_their_digits(tmp_path):
    """Milliseconds since 1970 within a minute go in and come out as float64."""
    times = 1_764_000_000_000 + 200.0 * np.arange(300)
    numbers = np.column_stack([times, times])
    preprocessing = replace(NUMBERS, offset=numbers.mean(axis=0), scale=numbers.std(axis=0))
    folder = export(made(preprocessing, classes=("a", "b")), tmp_path, numbers, NO_TEXT)
    signature = tf.saved_model.load(str(folder)).signatures["reconstruct"]
    got = signature(rows=tf.constant(numbers))["reconstruction"].numpy()
    assert got.dtype == np.float64
    features = preprocessing.apply(numbers, NO_TEXT)
    assert len(np.unique(features[:, 0])) == 300
    decoded = (got - preprocessing.offset) / preprocessing.scale
    trained = made(preprocessing, classes=("a", "b"))
    expected = Endpoints(trained).reconstruct(tf.constant(features))["reconstruction"].numpy()
    np.testing.assert_allclose(got, expected, rtol=0, atol=1.0)
    assert np.unique(decoded[:, 0]).size > 100


def test_an_error_beside_a_large_offset_is_no_small_one():
    coding = Coding(1.764e12, 17_000.0)
    expected = coding.decode(np.array([0.5, -0.5]))
    check_same("serve/prediction", expected, expected + 0.01, coding.encode)
    with pytest.raises(ExportError, match="differs"):
        check_same("serve/prediction", expected, expected + 100, coding.encode)


@pytest.mark.parametrize(
    ("kinds", "table", "named"),
    [
        (["number"] * 200, True, True),
        (["number"] * 200, False, False),  # images and other arrays
        (["number"] * 201, True, False),
        (["number", "boolean"] * 101, True, False),
        (["number"] * 300 + ["category"], True, True),
        (["date"] * 300, True, True),
    ],
)
def test_a_table_is_taken_by_name_unless_it_is_a_wide_one_of_numbers(kinds, table, named):
    columns = [Column(f"c{n}", kind) for n, kind in enumerate(kinds)]
    assert by_name(columns, table) is named


def test_autoencoders_of_any_kind_pass_what_their_level_says():
    level = LevelConfig(units=6, sparsity=TopKLimit(k=2), passes_on="activations")
    for passes_on in ("activations", "code"):
        levels = (level.model_copy(update={"passes_on": passes_on}), LevelConfig(units=3))
        stack = untrained(levels, decoder=True)
        autoencoders: list[SparseAutoencoder] = random_autoencoders(stack, 2, seed=1)
        trained = made(NUMBERS)._replace(stack=stack, autoencoders=autoencoders)
        rows = np.random.default_rng(0).normal(size=(20, 2)).astype("float32")
        kernel, bias = autoencoders[0].encoder.get_weights()
        passed = np.maximum(rows @ kernel + bias, 0)
        if passes_on == "code":
            passed = np.where(passed >= np.sort(passed, axis=1)[:, [-2]], passed, 0)
        kernel, bias = autoencoders[1].encoder.get_weights()
        expected = np.maximum(passed @ kernel + bias, 0)
        (code,) = Endpoints(trained).encode(tf.constant(rows)).values()
        np.testing.assert_allclose(code, expected, atol=1e-5)


def test_topk_is_exported_without_a_sort_and_with_the_codes_of_one(tmp_path):
    limited = LevelConfig(units=300, sparsity=TopKLimit(k=40), passes_on="code")
    stack = untrained((limited, limited), decoder=True)
    autoencoders = random_autoencoders(stack, 64, seed=0)
    network = build_network(stack, 64, 10)
    initialize(network, autoencoders, RAW[:500] / 16, seed=0)
    columns = tuple(Column(str(n), "number") for n in range(64))
    nothing, zeros, ones = np.full(64, np.nan), np.zeros(64), np.ones(64)
    preprocessing = Preprocessing(columns, nothing, zeros, 16 * ones, (), refuses_missing=True)
    classes = tuple("0123456789")
    trained = Trained("topk", preprocessing, stack, autoencoders, network.model,
                      CLASSES, classes, UNCODED)  # fmt: skip
    folder = export(trained, tmp_path, RAW[:200], np.empty((200, 0), str))
    loaded = tf.saved_model.load(str(folder)).signatures
    for endpoint in ENDPOINTS:
        graph = loaded[endpoint].graph.as_graph_def()
        operations = {node.op for f in graph.library.function for node in f.node_def}
        assert "NthElement" in operations
        assert "TopKV2" not in operations

    strange = RAW[:4].copy()
    strange[1, 20], strange[2, 20], strange[3, 5:9] = np.nan, np.inf, [np.inf, -np.inf, 0, 1e38]
    code = call(loaded, "encode", strange)["code"]
    np.testing.assert_allclose(code[0], call(loaded, "encode", RAW[:1])["code"][0], rtol=1e-6)
    assert np.isnan(code[1]).all()
