"""A kind of source is a new file and a line in the list of the family: added to a copy, and run."""

import json
from pathlib import Path

import pytest
from sklearn.datasets import load_iris

from tests.extending.tree import Tree

READER = '''
"""A .tsv file: separated by tabs, with a header."""

import csv
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa

from pipeline.data.sources.tables.table import TableReader


class TsvReader(TableReader):
    """A .tsv file."""

    suffixes = (".tsv",)

    def table(self, path: Path, known: Collection[str]) -> pa.Table:
        """Every cell as text."""
        with path.open(newline="") as file:
            header, *rows = csv.reader(file, delimiter="\\t")
        return pa.table(dict(zip(header, zip(*rows))))
'''
DESCRIBE = """
from flows.cli import main
main(["data", "iris.tsv", "--label", "species"])
"""


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = Tree(tmp_path / "tree")
    tree.add("pipeline/data/sources/tsv_file.py", READER)
    read = "pipeline/data/sources/read.py"
    tree.insert(
        read,
        "from pipeline.errors import",
        "from pipeline.data.sources.tsv_file import TsvReader\n",
    )
    tree.insert(read, "    IdxFolderReader(),\n", "    TsvReader(),\n")
    return tree


def test_a_source_is_two_files_and_is_described_checked_and_read_for_inference(
    tree: Tree, tmp_path: Path
):
    assert len(tree.touched) == 2
    iris = load_iris(as_frame=True)
    frame = iris.frame.assign(species=iris.target_names[iris.target]).drop(columns="target")
    frame.to_csv(tmp_path / "iris.tsv", sep="\t", index=False)

    printed = tree.run(DESCRIBE, tmp_path)
    described = json.loads(printed)
    assert described["rows"] == 150
    assert described["kinds"] == {"number": 4, "category": 0}
    assert described["classes"] == {"setosa": 50, "versicolor": 50, "virginica": 50}
    assert described["problems"] == []

    script = """
from pipeline.data.source import Column
from pipeline.data.sources.read import read_rows
columns = (Column("petal width (cm)", "number"), Column("species", "category"))
numbers, categories = read_rows("iris.tsv", columns)
print(numbers[0, 0], categories[149, 0])
"""
    assert tree.run(script, tmp_path) == "0.2 virginica\n"
