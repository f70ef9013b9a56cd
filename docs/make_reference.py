"""Writes docs/config.md, the config reference, from the schema; `--check` only compares.

Usage: python docs/make_reference.py [--check]
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.config.schema import RunConfig

PAGE = Path(__file__).with_name("config.md")
INTRODUCTION = """\
# Config reference

<!-- Made from the schema by `make docs`; change the descriptions there, not this page. -->

A config is a YAML file. What it leaves out has the default given here. `layerwise config digits > \
mine.yaml` writes a whole one to start from, `layerwise run mine.yaml` runs it, and `--set \
KEY=VALUE` changes one value by its path: `--set stack.0.units=256`. An unknown key and an \
impossible value are refused by name. `layerwise config --schema` prints all of this as a JSON \
schema.

The defaults of `stack` are those of a level that you write yourself. The default stack, which a \
config without `stack` has, sets more of them: `layerwise config` prints it."""


def reference() -> str:
    """The page: a table for each section of the config, in the order of the tree."""
    schema = RunConfig.model_json_schema()
    parts = [INTRODUCTION, _table("The top of the file", schema, schema["$defs"])]
    parts += [
        _table(path, section, schema["$defs"])
        for path, section in _sections(schema, schema["$defs"])
    ]
    return "\n\n".join(parts) + "\n"


def _sections(
    schema: dict[str, Any], definitions: dict[str, Any], before: str = ""
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every section below one, with its path; the choices of a union one by one."""
    for name, field in schema["properties"].items():
        item = field.get("items", field)
        path = f"{before}{name}" + (".N" if "items" in field else "")
        for reference in _references(item):
            section = definitions[reference]
            tag = _tag(section)
            yield f"{path}: {tag}" if tag else path, section
            if not tag:
                yield from _sections(section, definitions, f"{path}.")


def _references(field: dict[str, Any]) -> list[str]:
    """Names of the sections that a field may hold."""
    options = [field, *field.get("oneOf", [])]
    return [option["$ref"].rpartition("/")[2] for option in options if "$ref" in option]


def _tag(section: dict[str, Any]) -> str | None:
    """`mechanism: topk` for a section that is one choice of a union."""
    for name in ("mechanism", "kind"):
        if name in section["properties"]:
            return f"`{name}: {section['properties'][name]['const']}`"
    return None


def _table(path: str, section: dict[str, Any], definitions: dict[str, Any]) -> str:
    rows = [
        f"| `{name}` | {_allowed(field, definitions)} | {_default(name, field, section)} "
        f"| {field.get('description', '')} |"
        for name, field in section["properties"].items()
        if name not in ("mechanism", "kind")
    ]
    section_of, _, tag = path.partition(": ")
    title = path if " " in section_of else f"`{section_of}`" + (f", {tag}" if tag else "")
    head = f"## {title}\n\n{section['description'].splitlines()[0]}"
    if not rows:
        return head
    return "\n".join([head, "", "| key | value | default | meaning |", "| - | - | - | - |", *rows])


def _allowed(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    """The values that a field may take."""
    if _references(field) or _references(field.get("items", {})):
        return "list of sections" if "items" in field else "section"
    if "items" in field:
        return f"list of {_allowed(field['items'], definitions)}"
    if "anyOf" in field:
        return " or ".join(_allowed(option, definitions) for option in field["anyOf"])
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    words = {"null": "`null`", "string": "text", "boolean": "`true`, `false`"}
    kind = field["type"]
    limits = [
        f"{sign} {field[limit]}"
        for limit, sign in (
            ("exclusiveMinimum", ">"),
            ("minimum", "≥"),
            ("exclusiveMaximum", "<"),
            ("maximum", "≤"),
        )
        if limit in field
    ]
    return " ".join([words.get(kind, kind), " and ".join(limits)]).strip()


def _default(name: str, field: dict[str, Any], section: dict[str, Any]) -> str:
    if name in section.get("required", []):
        return "(needed)"
    default = field.get("default")
    first = default[0] if isinstance(default, list) and default else default
    if isinstance(first, dict):
        return "see `layerwise config`"
    return f"`{_plain(default)}`"


def _plain(value: Any) -> str:
    """As YAML writes it."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case list():
            return f"[{', '.join(map(_plain, value))}]"
        case _:
            return str(value)


def main() -> None:
    """Write the page, or with `--check` fail when it is not what the schema gives."""
    current = reference()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(current, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != current:
        sys.exit("docs/config.md is not what the schema gives. Run: make docs")


if __name__ == "__main__":
    main()
