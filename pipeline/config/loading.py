"""From presets, YAML files and `key=value` settings to a checked `RunConfig`."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from pipeline.config.part import MAX_NAME
from pipeline.config.problems import problems
from pipeline.config.recipe import not_otherwise, with_recipe, without_target
from pipeline.config.schema import RunConfig
from pipeline.errors import InputError, nearest, raise_all

PRESETS = Path(__file__).with_name("presets")
MAX_CHARACTERS = 100_000
"""Characters of a config."""
MAX_NODES = 10_000
"""Keys, items and values of a config, each counted as often as the text refers to it."""


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, and a key may be given once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [(key.tag, key.value) for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for (_, name), times in Counter(keys).items():
            if times > 1:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {name!r} is given {times} times", problem_mark=node.start_mark
                )
        return super().construct_mapping(node, deep)


def presets() -> list[str]:
    """Names of the presets that ship."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def load(
    name: str | None,
    data: str | None = None,
    label: str | None = None,
    settings: Sequence[str] = (),
    task: str | None = None,
    unlabelled: str | None = None,
) -> RunConfig:
    """The config of a preset or YAML file, or the defaults, changed by the other arguments.

    `settings` are `a.b=value` with YAML values; list items are named by position (`stack.0.units`).
    Raises `InputError` for an unknown preset or key, or an impossible value.
    """
    tree = _tree(name) if name else {}
    if data is not None:
        tree["data"] = {**_section(tree), "source": data}
        if not name:
            tree.setdefault("name", _plain_name(data))
    if label is not None:
        tree["data"] = {**_section(tree), "label": label}
    if unlabelled is not None:
        tree["data"] = {**_section(tree), "unlabelled_rows": unlabelled}
    if task is not None:
        tree["task"] = {"kind": task}
    tree = without_target(with_recipe(tree, _recipe_of_tables()))
    refused = [message for setting in settings if (message := _apply(tree, setting))]
    return _checked(tree, refused)


def check(tree: Mapping[str, Any] | RunConfig) -> RunConfig:
    """The config of a tree. Raises `InputError` with a line for everything that is wrong."""
    return tree if isinstance(tree, RunConfig) else _checked(tree, [])


def merged(name: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """The tree of a preset or YAML file, or an empty one, changed by the keys that are given.

    Sections are changed key by key. `check` makes a config of it. Raises `InputError` as `load`.
    """
    tree = _tree(name) if name else {}
    for key, value in given.items():
        before = tree.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            changed = {**before, **value}
            tree[key] = not_otherwise(changed, value) if key == "finetune" else changed
        else:
            tree[key] = value
    return tree


def of_tables() -> RunConfig:
    """The defaults of a run whose rows are a table's."""
    return RunConfig.model_validate(_recipe_of_tables())


def _recipe_of_tables() -> dict[str, Any]:
    return _tree("tables")


def _checked(tree: Mapping[str, Any], refused: list[str]) -> RunConfig:
    tree = without_target(with_recipe(tree, _recipe_of_tables()))
    raise_all(refused + problems(tree))
    return RunConfig.model_validate(tree)


def _tree(name: str) -> dict[str, Any]:
    path = PRESETS / f"{name}.yaml" if name in presets() else Path(name)
    try:
        is_file = path.is_file()
    except OSError as error:  # A folder that may not be entered, a name that is too long.
        raise InputError(f"{name!r} cannot be opened: {error.strerror}.") from None
    if not is_file:
        if path.suffix in (".yaml", ".yml"):
            raise InputError(f"There is no config file {name!r}.")
        raise InputError(f"There is no preset or config file {name!r}.{nearest(name, presets())}")
    if path.suffix not in (".yaml", ".yml"):
        raise InputError(
            f"A config is a .yaml file. Given: {name!r}. Rows are named by --data: --data {name}."
        )
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MAX_CHARACTERS + 1)
    except OSError as error:
        raise InputError(f"{name!r} cannot be opened: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not YAML: {error}") from None
    tree = _parsed(text, name)
    if not isinstance(tree, dict):
        raise InputError(f"{name} must hold keys and values. Given: {type(tree).__name__}.")
    return tree


def _parsed(text: str, what: str) -> Any:
    """The value of a YAML text, built of plain types alone.

    Raises `InputError` for anything else, and for what is too long or, written out, too large.
    """
    if len(text) > MAX_CHARACTERS:
        raise InputError(
            f"{what} is too long for a config: more than {MAX_CHARACTERS:,} characters."
        )
    try:
        value = yaml.load(text, _Loader)
    except RecursionError:
        raise InputError(f"{what} is not YAML: it is nested too deeply.") from None
    except Exception as error:  # For dates, numbers and tags that are none, of nearly any type.
        cure = ""
        if sign := re.search(r"found (?:character )?('[^\w\s]')", str(error)):
            cure = f"\nA value that begins with {sign[1]} needs quotes, as decimal: ','."
        raise InputError(f"{what} is not YAML: {error}{cure}") from None
    # A list that is referred to ten times, in a list that is referred to ten times, ...
    waiting, found = [value], 0
    while waiting:
        match waiting.pop():
            case dict() as part:
                waiting += part.values()
            case list() | tuple() | set() as part:
                waiting += part
        found += 1
        if found > MAX_NODES:
            raise InputError(f"{what} is too large for a config: more than {MAX_NODES:,} values.")
    return value


def _section(tree: Mapping[str, Any]) -> dict[str, Any]:
    section = tree.get("data", {})
    return section if isinstance(section, dict) else {}


def _plain_name(source: str) -> str:
    """A name for runs of a source: its file's stem, in characters that a name may have."""
    stem = Path(source).stem
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in stem)
    return plain.strip("-_.")[:MAX_NAME] or "layerwise"


def _apply(tree: dict[str, Any], setting: str) -> str | None:
    """Change the tree; gives the reason where the setting cannot be applied."""
    try:
        _set(tree, setting)
    except InputError as error:
        return str(error)
    return None


def _set(tree: dict[str, Any], setting: str) -> None:
    path, equals, value = setting.partition("=")
    if not equals or not path:
        raise InputError(f"--set needs KEY=VALUE. Given: {setting!r}.")
    parsed = value if _is_sign(value) else _parsed(value, f"--set {path}: the value")
    *parents, last = path.split(".")
    place: Any = tree
    defaults: Any = RunConfig().model_dump(mode="json")
    for key in parents:
        # What a setting does not name keeps its default, also inside lists.
        defaults = defaults.get(key) if isinstance(defaults, dict) else None
        if defaults is not None and isinstance(place, dict):
            place.setdefault(key, defaults)
        place = _child(place, key, path)
    if isinstance(place, list):
        place[_position(place, last, path)] = parsed
    else:
        place[last] = parsed
    if parents == ["finetune"]:
        tree["finetune"] = not_otherwise(place, [last])


def _is_sign(value: str) -> bool:
    """Whether a value is one sign, which stands for itself: to YAML a comma is an error."""
    return len(value) == 1 and not value.isalnum() and value != "~"  # which is YAML's null


def _child(place: Any, key: str, path: str) -> Any:
    if isinstance(place, list):
        return place[_position(place, key, path)]
    child = place.setdefault(key, {})
    if not isinstance(child, (dict, list)):
        raise InputError(f"--set {path}: {key!r} is a value, not a section.")
    return child


def _position(items: list[Any], key: str, path: str) -> int:
    positions = [str(position) for position in range(len(items))]
    if not items:
        raise InputError(f"--set {path}: the list is empty, there is no position {key!r}.")
    if key not in positions:
        raise InputError(f"--set {path}: {key!r} is not a position in 0 to {len(items) - 1}.")
    return positions.index(key)
