"""Whether a point or a comma in a table's numbers is a decimal mark or sets thousands apart."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.config.data import DataConfig
from tests.pipeline.data.reading import read

ROWS = 240
RNG = np.random.default_rng(0)
TENTHS = np.round(RNG.uniform(10, 90, ROWS), 1)
THOUSANDTHS = np.round(RNG.uniform(1, 9, ROWS), 3) + 0.0001
HUNDREDS = np.round(RNG.uniform(0, 1000, ROWS), 3)


def written(path: Path, separator: str, *columns: list[str]) -> DataConfig:
    names = [f"c{n}" for n in range(len(columns) - 1)] + ["y"]
    lines = [names, *zip(*columns, strict=True)]
    path.write_text("".join(separator.join(line) + "\n" for line in lines), encoding="utf-8")
    return DataConfig(source=str(path), label="y")


@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("beside", [[f"{x}" for x in TENTHS], [f"{x:.0f}" for x in TENTHS]])
def test_three_decimals_behind_a_point_stay_decimals_beside_a_semicolon(
    beside: list[str], separator: str, tmp_path: Path
):
    sizes = [f"{x:.3f}" for x in THOUSANDTHS]
    source = read(written(tmp_path / "a.csv", separator, sizes, beside, ["p", "q"] * 120))
    np.testing.assert_allclose(source.numbers[:, 0], [float(size) for size in sizes])
    assert source.notes == ()


def test_points_beside_a_semicolon_set_thousands_apart_where_smaller_numbers_have_none(
    tmp_path: Path,
):
    amounts = [37 * n for n in range(1, ROWS + 1)]
    cells = [f"{amount:,}".replace(",", ".") for amount in amounts]
    source = read(written(tmp_path / "a.csv", ";", cells, ["p", "q"] * 120))
    np.testing.assert_array_equal(source.numbers[:, 0], amounts)
    assert "set thousands apart" in source.notes[0]


def test_a_target_has_the_decimal_comma_of_its_file_and_that_is_said(tmp_path: Path):
    shares = [f"{x / 1000:.3f}".replace(".", ",") for x in HUNDREDS]
    target = [f"{x + 1:.3f}".replace(".", ",") for x in HUNDREDS]
    source = read(written(tmp_path / "a.csv", ";", shares, target), kind="regression")
    np.testing.assert_allclose(source.target, HUNDREDS + 1)
    assert any("'y', the target, is a number: written with a decimal comma" in note
               for note in source.notes)  # fmt: skip


def test_a_target_whose_thousands_are_set_apart_by_points_is_read_as_a_feature_is(tmp_path: Path):
    amounts = [37 * n for n in range(1, ROWS + 1)]
    cells = [f"{amount:,}".replace(",", ".") for amount in amounts]
    source = read(written(tmp_path / "a.csv", ";", ["1,5", "2,5"] * 120, cells), kind="regression")
    np.testing.assert_array_equal(source.target, amounts)
