"""What a person needs in order to find a run's model and pages, and to repeat the run."""

import base64
import platform
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from pipeline.cores import cores
from pipeline.counting import counted, with_labels
from pipeline.credentials import redact
from pipeline.evaluation.metrics import PERCENT, WORDS
from pipeline.evaluation.units import score_text

CPUS = Path("/proc/cpuinfo")
_PROCESSOR = re.compile(r"model name\s*: (.*)")
PACKAGES = ("layerwise", "tensorflow", "keras", "mlflow", "prefect", "scikit-learn", "numpy")


class Exported(NamedTuple):
    """The network that is exported."""

    arm: str
    labels: int
    seed: int
    validation: float
    """Its score on the validation rows, which chose it."""
    test: float
    model: str
    """As it is registered."""
    version: int
    decision: str
    """Of the gate."""

    @property
    def registered(self) -> str:
        """Its version and name, in words."""
        return f"version {self.version} of {self.model}"


class Link(NamedTuple):
    """A page about the run."""

    name: str
    address: str


class Facts(NamedTuple):
    """Of one run, for its report."""

    lines: tuple[tuple[str, str], ...]
    """What is told, and the text."""
    links: tuple[Link, ...]
    config: str
    """The whole config, YAML."""
    file: str
    """A name for it."""
    exported: Exported | None
    """None where there was no time to."""

    @property
    def command(self) -> str:
        """Which repeats the run, with the config in a file."""
        return f"layerwise run {self.file}"

    @property
    def config_source(self) -> str:
        """The config as an address that a browser can save."""
        return "data:text/yaml;base64," + base64.b64encode(self.config.encode()).decode()


def facts(
    config: Mapping[str, Any],
    exported: Exported | None,
    metric: str,
    pages: Mapping[str, str | None],
) -> Facts:
    """Of the run with this resolved config, as this machine is now."""
    name = config["name"]
    return Facts(
        lines=(
            *_model(name, config["export"]["directory"], exported, metric),
            ("versions", _versions()),
            ("machine", _machine()),
            ("date", f"{datetime.now(UTC):%d %B %Y, %H:%M} UTC"),
        ),
        links=tuple(Link(page, address) for page, address in pages.items() if address),
        config=redact(yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)),
        file=f"{name}.yaml",
        exported=exported,
    )


def _model(
    name: str, directory: str, exported: Exported | None, metric: str
) -> list[tuple[str, str]]:
    if exported is None:
        return [("exported", "no model")]
    unit = " %" if metric in PERCENT else ""
    of_rows = [
        f"{score_text(score, metric)}{unit} on the {rows} rows"
        for score, rows in ((exported.validation, "validation"), (exported.test, "test"))
    ]
    return [
        (
            "exported",
            f"{exported.registered}: the network of the arm {exported.arm}, trained "
            f"{with_labels(exported.labels, 'on')}, seed {exported.seed}",
        ),
        ("its score", f"{WORDS[metric].removesuffix(' in %')}: {' and '.join(of_rows)}"),
        (
            "where",
            f"a SavedModel in {directory}/{name}, and {name} in MLflow's model registry",
        ),
    ]


def _versions() -> str:
    found = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    return f"Python {platform.python_version()}, {found}"


def _machine() -> str:
    named = _PROCESSOR.search(CPUS.read_text()) if CPUS.is_file() else None
    processor = named.group(1) if named else platform.machine()
    return f"{platform.system()}, {processor}, {counted(cores(), 'core')}"
