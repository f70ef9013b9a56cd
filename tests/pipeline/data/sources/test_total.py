"""Totals below a table, and numbers whose commas can be read in two ways."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.config.data import DataConfig
from pipeline.data.sources.tables import scan
from pipeline.errors import InputError
from tests.pipeline.data.reading import read

ROWS = [f"{n},{n % 7}.5,{'pq'[n % 2]}" for n in range(50)]


def written(folder: Path, *lines: str, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("copied", [True, False])
@pytest.mark.parametrize("last", ["Total,150,", "sum:,150,q", ",Mean,"])
def test_a_total_below_the_rows_is_refused_or_skipped(
    last: str, copied: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    if not copied:
        monkeypatch.setattr(scan, "COPY_SHARE", 0)
    path = written(tmp_path, "number,size,species", *ROWS, last)
    with pytest.raises(InputError, match="last row of a.csv begins with .* skip"):
        read(DataConfig(source=str(path), label="species"))
    source = read(DataConfig(source=str(path), label="species", bad_rows="skip"))
    assert source.rows == 50
    # Without it the first column is seen to count the rows.
    assert [column.name for column in source.columns] == ["size"]
    assert "It was skipped." in source.notes[0]


def test_a_class_that_is_called_total_is_none(tmp_path: Path):
    rows = [f"{'total' if n % 2 else 'part'},{n % 7}.5,{'pq'[n % 3 > 1]}" for n in range(50)]
    source = read(DataConfig(source=str(written(tmp_path, "kind,size,y", *rows)), label="y"))
    assert source.rows == 50


@pytest.mark.parametrize("separator", [";", "\t"])
def test_commas_before_three_digits_set_thousands_apart_beside_small_whole_numbers(
    separator: str, tmp_path: Path
):
    amounts = [37 * n for n in range(1, 61)]
    rows = [f"{amount:,}{separator}{'pq'[amount % 2]}" for amount in amounts]
    source = read(
        DataConfig(source=str(written(tmp_path, f"amount{separator}y", *rows)), label="y")
    )
    np.testing.assert_array_equal(source.numbers[:, 0], amounts)


def test_commas_of_decimals_stay_decimals(tmp_path: Path):
    sizes = [n / 1000 for n in range(1100, 1160)]
    rows = [f"{size:.3f}".replace(".", ",") + f";{'pq'[n % 2]}" for n, size in enumerate(sizes)]
    source = read(DataConfig(source=str(written(tmp_path, "size;y", *rows)), label="y"))
    np.testing.assert_allclose(source.numbers[:, 0], sizes)
