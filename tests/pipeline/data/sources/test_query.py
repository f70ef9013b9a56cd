"""A SELECT over the files of a source."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.config.data import DataConfig
from pipeline.data.source import Source
from pipeline.errors import InputError
from tests.pipeline.data.reading import fingerprint_of, read


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Customers in German and orders in Parquet."""
    ids = range(60)
    names = [f"Köln {n % 3}" for n in ids]
    customers = pd.DataFrame({"id": ids, "town": names, "kind": [f"k{n % 2}" for n in ids]})
    customers.to_csv(tmp_path / "customers.csv", sep=";", index=False, encoding="latin-1")
    orders = pd.DataFrame(
        {"id": [n % 60 for n in range(300)], "price": [n / 4 for n in range(300)]}
    )
    orders.to_parquet(tmp_path / "orders.parquet")
    return tmp_path


JOIN = "SELECT town, price, kind FROM customers JOIN orders USING (id) WHERE price > 10"


def asked(folder: Path, query: str) -> Source:
    return read(DataConfig(source=str(folder), label="kind", query=query))


def test_a_join_and_a_filter_need_no_script(shop: Path):
    source = asked(shop, JOIN)
    assert [column.name for column in source.columns] == ["town", "price"]
    assert source.rows == 259
    assert source.numbers.min() == 10.25
    assert set(source.categories[:, 0]) == {"Köln 0", "Köln 1", "Köln 2"}


def test_the_order_of_its_rows_is_that_of_their_content(shop: Path):
    first = asked(shop, JOIN)
    orders = pd.read_parquet(shop / "orders.parquet")
    orders.sample(frac=1, random_state=0).to_parquet(shop / "orders.parquet")
    assert fingerprint_of(asked(shop, JOIN)) == fingerprint_of(first)
    assert fingerprint_of(asked(shop, f"{JOIN} -- as before")) == fingerprint_of(first)
    assert fingerprint_of(asked(shop, f"{JOIN};")) == fingerprint_of(first)


@pytest.mark.parametrize(
    "query",
    [
        "DROP VIEW orders",
        "SELECT 1; SELECT 2",
        "COPY orders TO 'orders.csv'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT town FROM clients",
        "SELEC town",
        "INSTALL httpfs",
        "SET memory_limit = '1TB'",
        "ATTACH 'x.db'",
    ],
)
def test_what_is_no_single_select_over_the_files_is_refused(query: str, shop: Path):
    with pytest.raises(InputError, match=r"data\.query"):
        asked(shop, query)
    assert sorted(path.name for path in shop.iterdir()) == ["customers.csv", "orders.parquet"]


def test_files_that_are_called_alike_are_refused(shop: Path):
    pd.read_parquet(shop / "orders.parquet").to_csv(shop / "orders.csv")
    with pytest.raises(InputError, match=r"orders\.csv, orders\.parquet.*called alike"):
        asked(shop, JOIN)


def test_files_of_several_kinds_need_a_query(shop: Path):
    with pytest.raises(InputError, match="one kind.*data.query"):
        read(DataConfig(source=str(shop), label="kind"))


@pytest.mark.parametrize(
    "query",
    [
        "SELECT repeat('x', 2000000000) AS a, kind FROM customers",
        "SELECT * FROM arrow_scan(94::POINTER, 94::POINTER, 94::POINTER)",
        "SELECT * FROM pandas_scan(94::POINTER)",
        "SELECT * FROM test_all_types()",
    ],
)
def test_a_query_that_would_end_the_process_is_refused(query: str, shop: Path):
    with pytest.raises(InputError, match=r"data\.query cannot be answered"):
        read(DataConfig(source=str(shop), label="kind", query=query, memory=0.5))


def test_a_class_that_is_called_none_stays_one_beside_numbers_that_are_missing(tmp_path: Path):
    rows = [f"{n % 5 or '-'},{n}.5,{['none', '-', 'NA'][n % 3]}" for n in range(60)]
    (tmp_path / "visits.csv").write_text("\n".join(["size,price,kind", *rows]) + "\n")
    source = asked(tmp_path, "SELECT size + 1 AS more, price, kind FROM visits")
    assert sorted({*source.target[source.labelled].tolist()}) == ["-", "none"]
    assert (source.labelled.sum(), np.isnan(source.numbers[:, 0]).sum()) == (40, 12)
