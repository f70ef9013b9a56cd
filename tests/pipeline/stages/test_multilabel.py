"""Several labels for each row: from a table to an exported model, on real digits."""

import json

import numpy as np
import pandas as pd
import pytest

from pipeline.config.data import DataConfig
from pipeline.config.loading import check
from pipeline.config.task import AutoTask, ClassificationTask, MultilabelTask
from pipeline.data.prepared import prepare
from pipeline.data.source import Source
from pipeline.data.sources.read import read, read_rows
from pipeline.data.target import with_target
from pipeline.errors import InputError
from pipeline.export.inference import infer, model_columns
from pipeline.stages.plan import check_data
from tests.pipeline.data.reading import describe
from tests.pipeline.whole_runs import Whole, whole_run

LABELS = ["odd", "loop", "large"]
TASK = MultilabelTask()


def with_labels(config: DataConfig) -> Source:
    """The source of the config with the target of the task."""
    return with_target(read(config), TASK, config)


@pytest.fixture(scope="module")
def table(digits) -> pd.DataFrame:
    """600 digits with three labels, of which 50 are not known."""
    rows, digit = (part[:600] for part in digits)
    table = pd.DataFrame(rows, columns=[f"p{n}" for n in range(64)])
    table["odd"] = (digit % 2).astype(float)
    table.loc[:49, "odd"] = np.nan
    table["loop"] = np.isin(digit, (0, 6, 8, 9))
    table["large"] = np.where(digit > 4, "yes", "no")
    return table


@pytest.fixture
def source(table, tmp_path):
    """Writes a table as a file and gives the config of its data."""

    def write(rows: pd.DataFrame = table, suffix: str = "csv", **settings) -> DataConfig:
        file = tmp_path / f"digits.{suffix}"
        rows.to_csv(file, index=False) if suffix == "csv" else rows.to_parquet(file, index=False)
        label = settings.pop("label", tuple(LABELS))
        return DataConfig(source=str(file), label=label, scaling="global", **settings)

    return write


@pytest.fixture(scope="module")
def labels_run(table, at_home, tmp_path_factory) -> Whole:
    home = tmp_path_factory.mktemp("labels_run")
    table.to_parquet(home / "digits.parquet", index=False)
    config = check(
        {
            "name": "labels",
            "data": {
                "source": str(home / "digits.parquet"),
                "label": LABELS,
                "scaling": "global",
            },
            "task": {"kind": "multilabel"},
            "stack": [{"units": 32, "epochs": 3}],
            "finetune": {
                "arms": ["pretrained", "random"],
                "references": ["logistic"],
                "label_budgets": [100],
                "seeds": 2,
                "pseudo_labels": 0.1,
                "encoder_rates": [1.0],
            },
        }
    )
    with pytest.MonkeyPatch.context() as patch:
        at_home(home, patch)
        return whole_run(config, home)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_label_columns_become_targets_of_0_and_1(suffix, source, table, tmp_path):
    data = prepare(source(suffix=suffix), TASK, 0, tmp_path / "data")
    assert data.task.kind == "multilabel"
    assert data.classes == tuple(LABELS)
    assert data.rows.shape == (600, 59)  # five pixels are always empty
    assert np.isnan(data.targets[:50]).all()
    loop = np.stack([table["odd"], table["loop"], table["large"] == "yes"], axis=1)[50:]
    np.testing.assert_array_equal(data.targets[50:], loop.astype("float32"))
    assert set(range(50)) <= set(data.splits.pretrain.tolist())
    assert not set(range(50)) & set(data.splits.train.tolist())


def test_an_array_of_labels_names_them_by_number(digits, tmp_path):
    rows, digit = digits
    np.savez(tmp_path / "d.npz", x=rows, y=np.stack([digit % 2, digit > 4], axis=1))
    config = DataConfig(source=str(tmp_path / "d.npz"))
    found = describe(with_labels(config), config)
    assert found["classes"] == {
        "label 0": int((digit % 2).sum()),
        "label 1": int((digit > 4).sum()),
    }
    assert found["problems"] == []


def test_test_rows_of_an_array_keep_their_labels(digits, tmp_path):
    rows, digit = digits
    labels = np.stack([digit % 2, digit > 4], axis=1)
    np.savez(
        tmp_path / "d.npz",
        x_train=rows[:500], y_train=labels[:500], x_test=rows[500:600], y_test=labels[500:600],
    )  # fmt: skip
    data = prepare(DataConfig(source=str(tmp_path / "d.npz")), TASK, 0, tmp_path / "data")
    assert data.splits.test.tolist() == list(range(500, 600))
    np.testing.assert_array_equal(data.targets[500:], labels[500:600])


def test_what_is_no_label_is_refused_by_row_and_label(source, table):
    wrong = table.assign(large=np.where(np.arange(600) == 7, "perhaps", table["large"]))
    with pytest.raises(InputError, match=r"0 or 1 .* 'perhaps' in row 8, label 3"):
        with_labels(source(wrong))


def test_a_label_that_all_rows_have_is_refused(source, table, tmp_path):
    with pytest.raises(InputError, match="'loop' applies to all"):
        prepare(source(table.assign(loop=1)), TASK, 0, tmp_path / "data")


def test_one_column_of_classes_is_refused_with_the_task_it_suits(digits, tmp_path):
    rows, digit = digits
    np.savez(tmp_path / "d.npz", x=rows, y=digit)
    with pytest.raises(InputError, match="set task.kind: classification"):
        with_labels(DataConfig(source=str(tmp_path / "d.npz")))


def test_several_labels_for_classes_are_refused_with_the_task_they_suit(digits, tmp_path):
    rows, digit = digits
    np.savez(tmp_path / "d.npz", x=rows, y=np.stack([digit % 2, digit > 4], axis=1))
    config = DataConfig(source=str(tmp_path / "d.npz"))
    with pytest.raises(InputError, match="task.kind: multilabel"):
        with_target(read(config), ClassificationTask(), config)


def test_several_labels_are_found_to_be_such(digits, source, tmp_path):
    rows, digit = digits
    np.savez(tmp_path / "d.npz", x=rows, y=np.stack([digit % 2, digit > 4], axis=1))
    for config in (DataConfig(source=str(tmp_path / "d.npz")), source()):
        found = with_target(read(config), AutoTask(), config)
        assert found.task is not None and found.task.kind == "multilabel"


def test_several_label_columns_are_no_classes():
    check({"data": {"label": LABELS}})
    with pytest.raises(InputError, match="label names one column"):
        check({"data": {"label": LABELS}, "task": {"kind": "classification"}})


@pytest.mark.parametrize("kind", ["auto", "regression"])
def test_pseudo_labels_of_a_number_are_refused(kind, digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows, digit = digits
    np.savez(tmp_path / "d.npz", x=rows, y=digit + 0.5)
    config = check(
        {
            "data": {"source": str(tmp_path / "d.npz")},
            "task": {"kind": kind},
            "finetune": {"pseudo_labels": 1.0},
        }
    )
    with pytest.raises(InputError, match=r"pseudo_labels needs .* classes or labels.*regression"):
        check_data(config)


def test_a_run_compares_by_f1(labels_run):
    summary = labels_run.summary
    assert summary["metric"] == "f1"
    (row,) = summary["comparison"]
    assert set(row["arms"]) == {"pretrained", "random", "logistic"}
    assert all(0.6 < score < 1 for arm in row["arms"].values() for score in arm["f1"])
    assert len(row["against"]) == 1


def test_the_exported_model_predicts_every_label(labels_run, table):
    columns = model_columns(labels_run.model)
    found = infer(labels_run.model, "serve", *read_rows(labels_run.config.data.source, columns)[:2])
    assert list(found) == [*LABELS, *(f"probability of {name}" for name in LABELS)]
    assert set(np.unique(found[LABELS])) == {0.0, 1.0}
    probabilities = found[[f"probability of {name}" for name in LABELS]].to_numpy()
    metadata = json.loads((labels_run.model / "assets.extra" / "layerwise.json").read_text())
    thresholds = metadata["thresholds"] or [0.5] * len(LABELS)
    np.testing.assert_array_equal(found[LABELS] == 1, probabilities >= np.float32(thresholds))
    assert (found["loop"] == table["loop"]).mean() > 0.8
