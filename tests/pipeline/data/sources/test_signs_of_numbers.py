"""Signs that stand around numbers: of minus, of thousands, of money."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.config.data import DataConfig
from tests.pipeline.data.reading import read

AMOUNTS = np.round(np.random.default_rng(0).normal(0, 90_000, 120), 1)

WAYS = {
    "minus of typesetters": lambda x: f"{x:.1f}".replace("-", "\u2212"),
    "parentheses of accountants": lambda x: f"({-x:.1f})" if x < 0 else f"{x:.1f}",
    "money in parentheses": lambda x: f"(${-x:.1f})" if x < 0 else f"${x:.1f}",
    "minus behind": lambda x: f"{-x:.1f}-" if x < 0 else f"{x:.1f}",
    "Swiss thousands": lambda x: f"{x:,.1f}".replace(",", "\u2019"),
    "a code of money before": lambda x: f"CHF {x:.1f}",
    "a code of money behind": lambda x: f"{x:.1f} EUR",
    "money of a country": lambda x: f"US$ {x:.1f}",
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_numbers_are_read_with_the_signs_that_people_put_around_them(way, tmp_path: Path):
    rows = "".join(f'"{way(x)}",{n % 7},{"pq"[n % 2]}\n' for n, x in enumerate(AMOUNTS))
    (tmp_path / "a.csv").write_text(f"amount,w,y\n{rows}", encoding="utf-8")
    source = read(DataConfig(source=str(tmp_path / "a.csv"), label="y"))
    assert source.columns[0][:2] == ("amount", "number")
    np.testing.assert_allclose(source.numbers[:, 0], AMOUNTS)


@pytest.mark.parametrize("cell", ["(5", "5)", "-5-", "(-5)", "-$-5", "--5", "+(5)"])
def test_two_signs_are_no_number(cell: str, tmp_path: Path):
    rows = "".join(f"{cell if n == 7 else n * 3},{n % 7},{'pq'[n % 2]}\n" for n in range(60))
    (tmp_path / "a.csv").write_text(f"amount,w,y\n{rows}", encoding="utf-8")
    source = read(DataConfig(source=str(tmp_path / "a.csv"), label="y"))
    assert np.flatnonzero(np.isnan(source.numbers[:, 0])).tolist() == [7]
