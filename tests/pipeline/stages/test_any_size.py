"""A whole run over rows that do not fit the memory they are given."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from pipeline.config.loading import check
from pipeline.config.schema import RunConfig
from pipeline.data.rows.streamed import StreamedRows
from pipeline.errors import InputError
from pipeline.stages.plan import check_data
from pipeline.training.pretraining import pretrain as pretraining
from tests.pipeline.whole_runs import Whole, begin, call_stages, whole_run

MEMORY = 0.0006
"""GiB: training rows and the codes of both levels need more."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    digits = load_digits()
    path = tmp_path_factory.mktemp("digits")
    np.save(path / "x.npy", digits.images.astype("uint8"))
    np.save(path / "y.npy", digits.target)
    return path


@pytest.fixture(scope="module")
def streamed_config(digits_config, folder: Path) -> RunConfig:
    settings = digits_config.model_dump(mode="json")
    settings["data"] |= {"source": str(folder), "memory": MEMORY}
    settings["finetune"] |= {"label_budgets": [40], "references": ["logistic"]}
    return check(settings)


@pytest.fixture(scope="module")
def streamed_run(streamed_config, at_home, tmp_path_factory) -> Whole:
    home = tmp_path_factory.mktemp("streamed_run")
    with pytest.MonkeyPatch.context() as patch:
        at_home(home, patch)
        return whole_run(streamed_config, home)


def with_memory(config: RunConfig, memory: float) -> RunConfig:
    return config.model_copy(update={"data": config.data.model_copy(update={"memory": memory})})


def keys_of(config: RunConfig) -> list[str]:
    called = call_stages(config)
    return [called.plan.data.key, *(level.key for level in called.levels)]


def test_every_level_read_its_rows_from_disk(streamed_config, at_home, tmp_path, monkeypatch):
    at_home(tmp_path, monkeypatch)
    read = []
    train = pretraining.pretrain
    monkeypatch.setattr(
        pretraining,
        "pretrain",
        lambda level, rows, *rest: read.append(rows) or train(level, rows, *rest),
    )
    called = call_stages(streamed_config)
    assert [type(rows) for rows in read] == [StreamedRows] * 4
    assert [rows.shape for rows in read] == [(1222, 64), (1222, 48)] * 2  # for each of two stacks
    left = {file.name for file in called.run.scratch.glob("*.npy")}
    assert left == {
        f"{part}-{stack}-1.npy" for part in ("pretrain", "validation") for stack in (0, 1)
    }


def test_the_run_learns_as_one_in_memory_does(streamed_run, digits_run):
    for streamed, in_memory in zip(
        streamed_run.summary["layers"], digits_run.summary["layers"], strict=True
    ):
        assert streamed["explained_variance"] == pytest.approx(
            in_memory["explained_variance"], abs=0.1
        )
    (found,) = streamed_run.summary["comparison"]
    assert found["arms"]["pretrained"]["mean"] > 0.6
    assert (streamed_run.model / "saved_model.pb").exists()


def test_memory_counts_in_no_key_where_everything_fits(
    streamed_config, at_home, tmp_path, monkeypatch
):
    at_home(tmp_path, monkeypatch)
    assert keys_of(with_memory(streamed_config, 1)) == keys_of(with_memory(streamed_config, 2))


def test_memory_counts_where_the_order_of_rows_depends_on_it(
    streamed_config, streamed_run, at_home, monkeypatch
):
    at_home(streamed_run.home, monkeypatch)
    called = streamed_run.called
    here = [called.plan.data.key, *(level.key for level in called.levels)]
    assert keys_of(streamed_config) == here
    _, plan = begin(with_memory(streamed_config, MEMORY * 0.9))
    assert plan.level(0, 1, []).key != here[1]


def test_more_labels_than_fit_memory_are_refused(streamed_config):
    settings = streamed_config.model_dump(mode="json")
    settings["finetune"]["label_budgets"] = [1000]
    with pytest.raises(InputError, match=r"label_budgets must fit in data\.memory.*1,000 rows"):
        check_data(check(settings))
    settings["finetune"] |= {"label_budgets": [40], "reconstruction": 0.5}
    with pytest.raises(InputError, match=r"unlabelled rows of fine-tuning must fit"):
        check_data(check(settings))
