"""The commands that a page names, checked against what the programs know. Nothing is run."""

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import click
from pydantic import BaseModel

from flows.cli import main
from pipeline.config.loading import load, presets
from pipeline.config.schema import RunConfig
from pipeline.errors import InputError
from tests.docs.pages import ROOT, Block, blocks, inline_code

FILES = re.compile(r"^(pipeline|layers|flows|tests|benchmarks|docs)/[\w./-]*$")
DOTTED = re.compile(r"^[a-z_]+(\.([a-z_]+|\d|N))+$")
TARGET = re.compile(r"^([a-z]+):", re.MULTILINE)


def commands_of(block: Block) -> list[str]:
    """The commands of a shell block, those over several lines as one."""
    lines = block.text.replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip()]


def problems(page: str) -> list[str]:
    """What a page names that does not exist: commands, options, settings, files, make's targets."""
    shell = [c for block in blocks(page) if block.language == "sh" for c in commands_of(block)]
    found = []
    for code in [*shell, *inline_code(page)]:
        try:
            found += [f"{code}: {problem}" for problem in _problems(code)]
        except ValueError as error:  # a quote that does not end
            found.append(f"{code}: {error}")
    return found


def _problems(code: str) -> Iterator[str]:
    if FILES.match(code) and not (ROOT / code).exists():
        yield "no such file"
    if DOTTED.match(code) and code.split(".")[0] in RunConfig.model_fields:
        yield from _unknown_key(code.split("."))
    match shlex.split(code, comments=True) if not code.startswith("{") else []:
        case ["layerwise", *arguments]:
            yield from _layerwise(arguments)
        case ["make", target, *_] if target not in TARGET.findall((ROOT / "Makefile").read_text()):
            yield f"the Makefile has no {target!r}"
        case ["python", "-m", module, *_] if module.startswith("benchmarks"):
            if not (ROOT / f"{module.replace('.', '/')}.py").exists():
                yield f"no module {module}"
        case [option, *rest] if re.match("--[a-z]", option):
            everywhere = {o for command in main.commands.values() for o in _known(command, [])}
            if option not in everywhere | set(_options(main)):
                yield f"no command has {option}"
            yield from _settings(None, [option, *rest])


def _options(command: click.Command) -> list[str]:
    context = click.Context(command)
    return [option for param in command.get_params(context) for option in param.opts]


def _known(command: click.Command, named: list[str]) -> list[str]:
    """Options of a command; of a group those of the command that is named, or of its first."""
    if not isinstance(command, click.Group):
        return _options(command)
    meant = [word for word in named if word in command.commands] or list(command.commands)
    return _options(command.commands[meant[0]])


def _layerwise(arguments: list[str]) -> Iterator[str]:
    """Problems of one command line of `layerwise`, or of its form with [OPTIONAL] parts."""
    named = [word for word in arguments if not word.startswith("-")]
    if not named or not (named[0].islower() and named[0].isalpha()):
        known = [*_options(main), "--help"]
        yield from (f"no option {word}" for word in arguments if _flag(word, known))
        return
    name = named[0]
    if name not in main.commands:
        yield f"no command {name!r}"
        return
    known = [*_known(main.commands[name], named), *_options(main)]
    yield from (f"{name} has no option {word}" for word in arguments if _flag(word, known))
    config = named[1] if len(named) > 1 and named[1] in presets() else None
    yield from _settings(config, arguments)


def _flag(word: str, known: list[str]) -> bool:
    """Whether a word is an option that is not among those known."""
    word = word.strip("[]")
    return re.match("--?[a-z]", word) is not None and word not in known


def _settings(config: str | None, arguments: list[str]) -> Iterator[str]:
    """Whether the `--set`s of one command make a config together."""
    settings = [
        value
        for option, value in pairwise(arguments)
        if option == "--set" and not value.startswith("KEY")
    ]
    label = "target" if "--label" in arguments else None
    task = dict(pairwise(arguments)).get("--task")
    try:
        load(config, None, label, settings, task)
    except InputError as error:
        yield str(error)


def _unknown_key(path: list[str]) -> Iterator[str]:
    """Whether a dotted name is a key of the config, in any branch of its unions."""
    sections: list[Any] = [RunConfig]
    for key in path:
        if key == "N" or key.isdigit():
            continue
        fields = [s.model_fields[key] for s in sections if key in s.model_fields]
        if not fields:
            yield f"the config has no {key!r} there"
            return
        sections = [model for field in fields for model in _models(field.annotation)]


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models(part)]
