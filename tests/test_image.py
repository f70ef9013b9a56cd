"""The `Dockerfile`, as far as it can be checked without Docker: what it copies is what it needs."""

import re
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
IGNORED = [
    line
    for line in (ROOT / ".dockerignore").read_text().splitlines()
    if line and not line.startswith("#")
]


def copied() -> set[str]:
    """What is copied from the checkout: each line names its target last."""
    lines = re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE)
    return {name for line in lines for name in line.split()[:-1]}


def sent(name: str) -> bool:
    """Whether it is sent to the build: the last line of .dockerignore that fits decides."""
    kept = True
    for line in IGNORED:
        if fnmatch(name, line.removeprefix("!")):
            kept = line.startswith("!")
    return kept


def test_what_is_copied_is_in_the_checkout_and_sent_and_nothing_else_is():
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    tops = {name.partition("/")[0] for name in tracked}
    assert copied() <= tops
    assert {name for name in tops | {".venv", ".git", "build", "exports"} if sent(name)} == copied()


def test_what_the_package_is_built_from_is_copied():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {name.removesuffix("*") for name in packages} <= copied()
    needed = [project["project"]["readme"], *project["project"]["license-files"], "pyproject.toml"]
    assert set(needed) <= copied()


def test_it_has_the_python_of_the_package_no_root_and_a_volume_for_all_that_is_written():
    minor = int(re.search(r"^FROM python:3\.(\d+)-slim$", DOCKERFILE, re.MULTILINE)[1])
    assert 11 <= minor <= 13
    assert re.search(r"^USER layerwise$", DOCKERFILE, re.MULTILINE)
    assert re.search(r"^VOLUME /data$", DOCKERFILE, re.MULTILINE)
    for place in ("HOME=/data", "PREFECT_HOME=/data/", "MLFLOW_TRACKING_URI=sqlite:////data/"):
        assert place in DOCKERFILE
