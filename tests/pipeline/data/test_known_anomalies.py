"""Which known anomalies train, and which are tested."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from pipeline.config.data import DataConfig
from pipeline.config.finetune import FinetuneConfig
from pipeline.config.task import AnomalyTask
from pipeline.data.detection_rows import detection_rows
from pipeline.data.prepared import Prepared, prepare
from pipeline.data.trials import label_counts
from pipeline.errors import InputError


def prepared(folder: Path, known: tuple[int, ...], rows: int = 1797) -> Prepared:
    """The first of the digits, of which the eights are known to be odd."""
    digits = load_digits(as_frame=True).frame[:rows]
    digits["odd"] = digits.pop("target").map({8: "odd"}).fillna("")
    digits.to_csv(folder / "digits.csv", index=False)
    data = DataConfig(source=str(folder / "digits.csv"), label="odd", holdout="stable")
    return prepare(data, AnomalyTask(labelled_anomalies=known), 0, folder / f"{known}-{rows}")


def test_anomalies_that_may_train_are_in_no_other_part(tmp_path: Path):
    parts = prepared(tmp_path, (1, 20)).splits
    assert not set(parts.train) & {*parts.test, *parts.validation, *parts.pretrain}
    without = prepared(tmp_path, ()).splits
    assert set(parts.test) < set(without.test)
    assert set(without.test) - set(parts.test) == set(parts.train)
    assert 40 < len(parts.train) < 80  # half of the 174 but those that are held out


def test_the_fewer_are_among_the_more_and_each_seed_has_its_own(tmp_path: Path):
    data = prepared(tmp_path, (5, 20))
    few, more, others = (
        {row.tobytes() for row in detection_rows(data, seed, known).known}
        for seed, known in ((0, 5), (0, 20), (1, 20))
    )
    assert len(few) == 5
    assert few < more
    assert more != others
    assert not len(detection_rows(data, 0).known)


def test_an_anomaly_that_was_tested_never_trains_when_the_table_grows(tmp_path: Path):
    before, after = (prepared(tmp_path, (5,), rows).splits for rows in (900, 1797))
    assert not set(before.test) & {*after.train, *after.pretrain}


def test_more_than_there_are_are_refused_with_how_many_there_are(tmp_path: Path):
    data = prepared(tmp_path, (5, 500))
    assert len(data.splits.train) < 174
    with pytest.raises(InputError, match=r"task\.labelled_anomalies.*\[5, 500\], and \d+ rows"):
        label_counts(FinetuneConfig(), [data])
    assert label_counts(FinetuneConfig(), [prepared(tmp_path, (1, 5))]) == [0, 1, 5]
    assert np.isin(data.targets[data.splits.train], 1).all()
