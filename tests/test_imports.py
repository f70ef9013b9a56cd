"""Imports run one way, flows -> pipeline -> layers; some packages have one place of their own."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("layers", "pipeline", "flows")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
AGAINST_THE_ARROWS = {"layers": {"pipeline", "flows"}, "pipeline": {"flows"}, "flows": set()}


def imported(source: str) -> set[str]:
    """Top-level names of every module that the source imports, at any depth, in any way.

    `import a.b`, `from a import b`, `importlib.import_module("a.b")` and `__import__("a")`.
    """
    names = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=aliases):
                names |= {alias.name for alias in aliases}
            case ast.ImportFrom(module=str(module), level=0):
                names.add(module)
            case ast.Call(
                func=ast.Attribute(attr="import_module")
                | ast.Name(id="import_module" | "__import__"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                names.add(module)
    return {name.partition(".")[0] for name in names}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_every_way_to_import_is_seen():
    source = """
import a.x, b as other
from c.y import z
def later():
    import d
    importlib.import_module("e.f")
    return __import__("g")
from . import beside
"""
    assert imported(source) == {"a", "b", "c", "d", "e", "g"}


def test_the_files_were_found():
    assert {name_of(path).partition("/")[0] for path in FILES} == set(PACKAGES)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_import_goes_against_the_arrows(path):
    package = name_of(path).partition("/")[0]
    assert not imported(path.read_text()) & AGAINST_THE_ARROWS[package]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_prefect_is_imported_in_flows_only(path):
    if not name_of(path).startswith("flows/"):
        assert "prefect" not in imported(path.read_text())


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_mlflow_is_imported_in_tracking_and_by_the_served_model_s_script_only(path):
    if room_of(name_of(path)) != "tracking" and name_of(path) != "pipeline/export/served_model.py":
        assert "mlflow" not in imported(path.read_text())


# pipeline's rooms, the lower ones first; those of one floor do not know each other.
FLOORS = (
    {"config"},
    {"tasks"},
    {"data"},
    {"evaluation"},
    {"training"},
    {"tracking", "export", "report"},
    {"estimators"},
    {"stages"},
)
PUBLIC = {
    "pipeline.errors",
    "pipeline.estimators.classifier",
    "pipeline.estimators.detector",
    "pipeline.estimators.encoder",
    "pipeline.estimators.regressor",
    "pipeline.stages.estimator_of_run",
}
"""Modules whose names `layerwise.py` hands on."""
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
ROOMS = {path.name for path in (ROOT / "pipeline").iterdir() if (path / "__init__.py").exists()}
IN_ROOMS = [path for path in FILES if name_of(path).startswith("pipeline/")]


def room_of(name: str) -> str | None:
    """The room that a dotted name or a path of pipeline's lies in; None for what all may use."""
    parts = name.replace("/", ".").removesuffix(".py").split(".")
    return parts[1] if len(parts) > 1 and parts[1] in ROOMS else None


def imported_whole(source: str) -> set[str]:
    """Dotted names of what the source imports, at any depth."""
    return {
        name
        for node in ast.walk(ast.parse(source))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [f"{node.module}.{alias.name}" for alias in node.names]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }


def test_every_room_has_a_floor():
    assert set(FLOOR_OF) >= ROOMS


@pytest.mark.parametrize("path", IN_ROOMS, ids=name_of)
def test_no_room_knows_one_above_it_or_beside_it(path):
    own = room_of(name_of(path))
    names = imported_whole(path.read_text())
    others = {room_of(name) for name in names if name.startswith("pipeline.")} - {own, None}
    allowed = {room for room in ROOMS if own and FLOOR_OF[room] < FLOOR_OF[own]}
    assert others <= allowed


@pytest.mark.parametrize("path", [p for p in IN_ROOMS if "estimators" in p.parts], ids=name_of)
def test_estimators_know_no_store_and_draw_no_page(path):
    names = imported_whole(path.read_text())
    # The one exception: an estimator's user may have a run.
    names = {name for name in names if not name.startswith("pipeline.tracking.active_run")}
    assert not {room_of(name) for name in names} & {"tracking", "report"}


def test_the_public_names_come_from_the_estimators():
    names = imported_whole((ROOT / "layerwise.py").read_text())
    assert {name.rpartition(".")[0] for name in names} <= PUBLIC


def test_a_room_that_knows_one_above_it_would_be_found():
    names = imported_whole("from pipeline.stages import base\nimport pipeline.data.splits")
    assert {room_of(name) for name in names} == {"stages", "data"}
