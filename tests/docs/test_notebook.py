"""The notebook of the manual runs from top to bottom."""

import ast
import json
from typing import Any

import pytest

from tests.docs.pages import ROOT

NOTEBOOK = ROOT / "docs" / "first-prediction.ipynb"


def code() -> list[str]:
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_its_cells_are_python_and_hold_no_output():
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    assert not any(cell.get("outputs") for cell in cells)
    for source in code():
        ast.parse(source)


@pytest.mark.slow
def test_it_runs_from_top_to_bottom():
    names: dict[str, Any] = {}
    for source in code():
        exec(source, names)
    assert names["model"].predict(names["X"]).shape == (1797,)
