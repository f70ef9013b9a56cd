"""A kind of source is a new file and a line in the list of the family: added to a copy, and run."""

import json
from pathlib import Path

import pytest
from sklearn.datasets import dump_svmlight_file, load_iris

from tests.extending.tree import Tree

READER = '''
"""A .svmlight file: a label and the numbers that are not 0, line by line."""

from pathlib import Path

from sklearn.datasets import load_svmlight_file

from pipeline.data.sources.matrix import Arrays, ArraysReader


class SvmlightReader(ArraysReader):
    """A .svmlight file."""

    suffixes = (".svmlight",)

    def arrays(self, spec: str) -> Arrays:
        """All of it in memory."""
        path = Path(spec)
        rows, labels = load_svmlight_file(spec)
        return Arrays(path.stem, path.name, rows.toarray(), labels.astype(int), None)
'''
USED = """
from flows.cli import main
main(["data", "iris.svmlight", "--json"], standalone_mode=False)

from pipeline.data.source import Column
from pipeline.data.sources.read import read_rows
columns = tuple(Column(f"x{n}", "number") for n in range(4))
print(read_rows("iris.svmlight", columns).numbers[0, 3])
"""


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = Tree(tmp_path / "tree")
    tree.add("pipeline/data/sources/svmlight.py", READER)
    read = "pipeline/data/sources/read.py"
    tree.insert(
        read,
        "from pipeline.errors import",
        "from pipeline.data.sources.svmlight import SvmlightReader\n",
    )
    tree.insert(read, "    IdxFolderReader(),\n", "    SvmlightReader(),\n")
    return tree


def test_a_source_is_two_files_and_is_described_checked_and_read_for_inference(
    tree: Tree, tmp_path: Path
):
    assert len(tree.touched) == 2
    iris = load_iris()
    dump_svmlight_file(iris.data, iris.target, str(tmp_path / "iris.svmlight"))

    printed, _, read = tree.run(USED, tmp_path).rstrip().rpartition("\n")
    described = json.loads(printed)
    assert described["rows"] == 150
    assert described["kinds"]["number"] == 4
    assert described["classes"] == {"0": 50, "1": 50, "2": 50}
    assert described["problems"] == []
    assert read == "0.2"
