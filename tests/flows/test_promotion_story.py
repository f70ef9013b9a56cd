"""The story of docs/promotion.md: first model, better one, worse one, rollback, two at one moment.

Played with the real command. What it prints is compared with the page, figures aside; the played
one is left in `build/promotion.txt`, from which the page can be renewed.
"""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks
from tests.flows.cli.test_promotion import held, started
from tests.flows.conftest import Layerwise

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

CONFIG = """\
name: digits
stack: [{{units: {units}, epochs: {epochs}}}]
finetune: {{seeds: 2, label_budgets: [{labels}], references: []}}
"""
CONFIGS = {
    "monday.yaml": CONFIG.format(units=64, epochs=20, labels=100),
    "tuesday.yaml": CONFIG.format(units=128, epochs=40, labels=1000),
    "wednesday.yaml": CONFIG.format(units=16, epochs=2, labels=20),
}
FIGURE = re.compile(r"[+-]?\d+\.\d+")


class Story:
    """What is typed in one folder, and what of the answer matters."""

    def __init__(self, folder: Path, layerwise: Layerwise):
        self._folder = folder
        self._layerwise = layerwise
        self.lines: list[str] = []

    def run(self, config: str) -> None:
        """A run; of what it prints the last word, on the champion."""
        ended = self._layerwise("run", config, folder=self._folder, seconds=900)
        assert ended.returncode == 0, ended.stderr
        start = ended.stdout.index("Champion:")
        self._told(f"layerwise run {config}", ended.stdout[start : ended.stdout.index("Report:")])

    def types(self, *arguments: str) -> None:
        ended = self._layerwise(*arguments, folder=self._folder)
        assert ended.returncode == 0, ended.stderr
        self._told(" ".join(("layerwise", *arguments)), ended.stdout)

    def status(self) -> None:
        """The table of models."""
        shown = self._layerwise("status", folder=self._folder).stdout
        table = shown[shown.index("Models") :].split("\n\n")[0]
        table = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "2026-11-29 18:00", table)
        self._told("layerwise status", table)

    def both(self, *commands: tuple[str, ...]) -> None:
        """Two commands at one moment, begun while a gate is at work; the winner is told first."""
        with held(self._folder):
            begun = [started(self._folder, *arguments) for arguments in commands]
            for process in begun:
                assert process.stderr
                assert process.stderr.readline() == "Another promotion is under way ...\n"
        ended = sorted(map(_ended, begun))
        assert [status for status, _ in ended] == [0, 2]
        typed = " & ".join(" ".join(("layerwise", *arguments)) for arguments in commands)
        self._told(typed, "".join(said for _, said in ended))

    def _told(self, typed: str, answer: str) -> None:
        said = [line.rstrip() for line in answer.strip("\n").splitlines()]
        self.lines += [f"$ {typed}", *said, ""]


def _ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, complained = process.communicate(timeout=120)
    return process.returncode, said + complained


def told(lines: list[str]) -> str:
    """Without figures, and in one line: where a sentence is broken depends on them."""
    return " ".join(FIGURE.sub("#", "\n".join(lines)).split())


def test_the_story_of_the_page(make_workspace: Callable[[str], Path], layerwise: Layerwise):
    folder = make_workspace("story")
    for name, text in CONFIGS.items():
        (folder / name).write_text(text)
    story = Story(folder, layerwise)
    story.run("monday.yaml")
    story.run("tuesday.yaml")
    story.run("wednesday.yaml")
    story.status()
    story.types("rollback", "digits")
    story.run("tuesday.yaml")
    story.both(("promote", "digits", "2"), ("promote", "digits", "3"))
    Path("build").mkdir(exist_ok=True)
    Path("build/promotion.txt").write_text("\n".join(story.lines).strip() + "\n")

    assert told(story.lines).replace("version 3", "version 2") == told(PAGE.splitlines()).replace(
        "version 3", "version 2"
    )


(PAGE,) = [
    block.text
    for block in blocks((ROOT / "docs" / "promotion.md").read_text("utf-8"))
    if block.text.startswith("$ layerwise run monday.yaml")
]
