"""What float32 and float64 cannot tell apart is said."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.config.data import DataConfig
from tests.pipeline.data.reading import describe, prepare, read

MINUTE = 1_764_000_000_000 + 200 * np.arange(300)


def written(path: Path, **columns: object) -> DataConfig:
    table = pd.DataFrame(columns).assign(y=np.arange(300) % 2)
    table.to_csv(path, index=False) if path.suffix == ".csv" else table.to_parquet(path)
    return DataConfig(source=str(path), label="y", scaling="standard")


def notes(config: DataConfig) -> list[str]:
    account = describe(read(config), config)
    assert account["problems"] == []
    return account["notes"]


def test_ordinary_data_has_no_notes(iris_csv: Path, tmp_path: Path):
    noise = np.random.default_rng(0).normal(size=300)
    assert notes(DataConfig()) == []
    assert notes(DataConfig(source=str(iris_csv), label="species", scaling="standard")) == []
    assert notes(written(tmp_path / "a.csv", time=MINUTE, noise=noise)) == []


def test_one_value_far_out_that_makes_all_others_equal_is_said(tmp_path: Path):
    time = MINUTE.astype(float)
    time[7] = -1e20
    config = written(tmp_path / "a.csv", time=time, other=np.arange(300) / 2)
    through_quantiles = notes(config.model_copy(update={"scaling": "quantile"}))
    assert not any("remain distinct" in note for note in through_quantiles)
    (note,) = notes(config)
    assert "Of 300 distinct values in a sample of column 'time', 2 remain distinct" in note
    assert "from -1e+20 to 1.764e+12" in note
    assert prepare(config, 0, tmp_path / "data").notes == (note,)


def test_columns_of_other_sizes_under_one_scale_are_said(tmp_path: Path):
    config = written(tmp_path / "a.csv", time=MINUTE, small=1e-6 * np.arange(300))
    (note,) = notes(config.model_copy(update={"scaling": "global"}))
    assert "column 'time', 2 remain distinct" in note


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_integers_that_float64_cannot_hold_are_said(suffix: str, tmp_path: Path):
    identifiers = 10**18 + np.arange(300)
    (note,) = [
        note for note in notes(written(tmp_path / f"a{suffix}", time=identifiers)) if "53" in note
    ]
    assert "column 'time' has integers that become equal" in note
    assert "data.categorical" in note
    apart = 10**18 + 1000 * np.arange(300)
    assert notes(written(tmp_path / f"b{suffix}", time=apart)) == []


def test_they_are_said_of_rows_on_disk_too(tmp_path: Path):
    config = written(tmp_path / "a.parquet", time=10**18 + np.arange(300))
    on_disk = read(config.model_copy(update={"memory": 1e-6}), tmp_path)
    assert ["53" in note for note in on_disk.notes] == [True]
