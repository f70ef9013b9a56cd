"""Everything that is wrong in a config: a line for each problem, with its path, rule and value."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Literal, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from pipeline.config.part import CONTRADICTION, VALUES, Part
from pipeline.config.schema import RunConfig
from pipeline.errors import nearest

Path = tuple[int | str, ...]
_QUOTED = " YAML reads yes, no, on, off and dates as such: in quotes they are text."
MAX_VALUE = 200
"""Characters of a value in a message, so that one does not hide the other problems."""


def problems(tree: Any) -> list[str]:
    """A line for each wrong key or value, then for each contradiction between the right ones."""
    try:
        RunConfig.model_validate(tree)
    except ValidationError as error:
        return _wrong_values(error, tree) + _contradictions(tree)
    return []


def _wrong_values(error: ValidationError, tree: Any) -> list[str]:
    """A line for each path. A union's branches, of which none fits, are joined by `or`."""
    rules: dict[Path, list[str]] = {}
    given: dict[Path, Any] = {}
    for item in error.errors():
        if item["type"] == CONTRADICTION:
            continue
        path = _real_path(item["loc"], tree)
        if item["type"] == "too_short" and any(path == other[: len(path)] for other in rules):
            continue  # pydantic does not count the items that are wrong
        rules.setdefault(path, []).append(_rule(item, path, tree))
        if item["type"] not in ("extra_forbidden", "missing", "union_tag_invalid"):
            given.setdefault(path, item["input"])
    lines = []
    for path, found in rules.items():
        first, *others = dict.fromkeys(found)
        rule = " or ".join([first, *(other.removeprefix("must be ") for other in others)])
        line = f"{_dotted(path)}: {rule}"
        if path in given and "Given:" not in line:
            line += f". Given: {_shown(given[path])}"
        line = line if line.endswith(".") else line + "."
        lines.append(line + (_QUOTED if _lost_a_word(found, given.get(path)) else ""))
    return lines


def _rule(item: Any, path: Path, tree: Any) -> str:
    """What one of pydantic's errors says must hold, in plain words."""
    context = item.get("ctx", {})
    match item["type"]:
        case "extra_forbidden":
            return f"unknown key.{nearest(str(path[-1]), _valid_keys(path[:-1], tree))}"
        case "missing":
            return "this key is needed"
        case "union_tag_not_found":
            return f"needs the key {context['discriminator']}"
        case "union_tag_invalid":
            name = context["discriminator"].strip("'")
            return f"{name} must be one of {context['expected_tags']}. Given: {context['tag']!r}"
        case "invalid_key":
            return "a key must be text"
        case "too_short":
            return f"must have at least {context['min_length']} item"
        case "int_parsing" | "int_type" | "int_from_float":
            return "must be a whole number"
        case "float_parsing" | "float_type":
            return "must be a number"
        case "string_type":
            return "must be text"
        case "bool_parsing" | "bool_type":
            return "must be true or false"
        case "tuple_type":
            return "must be a list"
        case "model_type" | "model_attributes_type" | "dict_type":
            return "must be a section with keys"
    rule = str(item["msg"]).removeprefix("Value error, ")
    for subject in ("Input", "String"):
        rule = rule.replace(f"{subject} should ", "must ")
    return rule


def _lost_a_word(rules: Sequence[str], value: Any) -> bool:
    return "must be text" in rules and isinstance(value, bool | date)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]} ..."


def _dotted(path: Path) -> str:
    return ".".join(map(str, path)) or "config"


def _real_path(location: Iterable[int | str], tree: Any) -> Path:
    """The keys of an error's location, without the union branches that pydantic mixes in."""
    path: list[int | str] = []
    place = tree
    steps = list(location)
    for number, step in enumerate(steps):
        if isinstance(place, Mapping) and step in place:
            place = place[step]
        elif isinstance(place, Sequence) and not isinstance(place, str) and isinstance(step, int):
            place = place[step] if step < len(place) else None
        elif isinstance(place, Mapping) and number == len(steps) - 1:
            place = None  # a key that is missing
        else:
            continue
        path.append(step)
    return tuple(path)


def _contradictions(tree: Any) -> list[str]:
    """A line for each broken rule of the tree's parts, as far as their values are right."""
    return [
        f"{_dotted(path)}: {message}" if path else message
        for path, part in _parts(_right_values(RunConfig, tree), ())
        for message in _broken_rules(part)
    ]


def _broken_rules(part: Part) -> Iterator[str]:
    for check in part.rules():
        try:
            yield from check()
        except AttributeError:  # it reads a value that is wrong, which is said already
            continue


def _parts(place: Any, path: Path) -> Iterator[tuple[Path, Part]]:
    """Each part of a tree, with its path."""
    if isinstance(place, Part):
        yield path, place
        for key, value in place.__dict__.items():
            yield from _parts(value, (*path, key))
    elif isinstance(place, tuple):
        for position, value in enumerate(place):
            yield from _parts(value, (*path, position))


def _right_values(model: type[Part], given: Any) -> Part:
    """A part without those of its fields that are wrong: to read these is an `AttributeError`."""
    part = model.model_construct()
    if not isinstance(given, Mapping):
        part.__dict__.clear()
        return part
    for name in given.keys() & model.model_fields.keys():
        try:
            part.__dict__[name] = _right_value(model, name, given[name])
        except ValueError:
            part.__dict__.pop(name, None)
    return part


def _right_value(model: type[Part], name: str, given: Any) -> Any:
    """The value of a field. Raises `ValueError` where it is wrong by itself."""
    field = model.model_fields[name]
    options = _models(field.annotation)
    if not options:
        leaf = TypeAdapter(field.rebuild_annotation(), config=VALUES)
        return leaf.validate_python(given)
    if isinstance(given, list | tuple):
        return tuple(_right_values(_option(options, item), item) for item in given)
    return _right_values(_option(options, given), given)


def _valid_keys(path: Path, tree: Any, model: type[Part] = RunConfig) -> list[str]:
    """The valid keys of the section at a path."""
    if not path:
        return list(model.model_fields)
    key, *rest = path
    here = tree[key]
    if rest and isinstance(rest[0], int):
        here, rest = here[rest[0]], rest[1:]
    options = _models(model.model_fields[str(key)].annotation)
    return _valid_keys(tuple(rest), here, _option(options, here))


def _models(annotation: Any) -> list[type[Part]]:
    """The kinds of part that a field may hold."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _option(options: Sequence[type[Part]], section: Any) -> type[Part]:
    """The branch of a union whose tag a section has. Raises `ValueError` where there is none."""
    for option in options:
        tag = _tag(option)
        if tag is None or (
            isinstance(section, Mapping) and section.get(tag) == option.model_fields[tag].default
        ):
            return option
    raise ValueError("no kind of part has this tag")


def _tag(model: type[Part]) -> str | None:
    """The field that tells a part from the others of its union: it has one value alone."""
    for name, field in model.model_fields.items():
        if get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1:
            return name
    return None
