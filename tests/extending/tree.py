"""A copy of the program to which something is added, and what is touched for it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Tree:
    """A copy of the three folders; `touched` are the files that were changed or made."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.touched: set[str] = set()
        for package in ("layers", "pipeline", "flows"):
            left_out = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / package, folder / package, ignore=left_out)

    def add(self, name: str, text: str) -> None:
        """Make a new file."""
        file = self.folder / name
        assert not file.exists()
        file.write_text(text)
        self.touched.add(name)

    def insert(self, name: str, before: str, text: str) -> None:
        """Put text before a place, which there is once, in a file."""
        file = self.folder / name
        content = file.read_text()
        assert content.count(before) == 1, f"{before!r} in {name}"
        file.write_text(content.replace(before, text + before))
        self.touched.add(name)

    def run(self, script: str, work: Path) -> str:
        """What a script prints that is run with this copy, and with the tests of the original."""
        result = subprocess.run(
            [sys.executable, "-c", script],
            cwd=work,
            env=os.environ | {"PYTHONPATH": f"{self.folder}:{ROOT}"},
            capture_output=True,
            text=True,
            timeout=280,
        )
        assert result.returncode == 0, result.stderr[-3000:]
        return result.stdout
