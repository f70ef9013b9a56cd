"""What can be scheduled, with parameters that hold in whatever folder and machine a run starts."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.flow import pretraining
from flows.scheduling.deployment import Job
from pipeline.config.schema import RunConfig
from pipeline.errors import InputError


def run_jobs(configs: Sequence[RunConfig], name: str | None, **parameters: Any) -> list[Job]:
    """`layerwise run` with each config, named after it, or by the name where there is one.

    Every run is given the further parameters of the flow.

    Raises `InputError` where jobs would have one name.
    """
    if name and len(configs) > 1:
        raise InputError(
            f"--name names one deployment. Given: {len(configs)} configs, which are named by their "
            "own `name`. Leave out --name."
        )
    names = [name or config.name for config in configs]
    if shared := [name for name, times in Counter(names).items() if times > 1]:
        raise InputError(
            f"Each config needs a name of its own. Given several times: {', '.join(shared)}. Set "
            "`name` in the files."
        )
    return [
        Job(pretraining, name, {"config": _portable(config), **parameters})
        for name, config in zip(names, configs, strict=True)
    ]


def _portable(config: RunConfig) -> dict[str, Any]:
    """The config with absolute paths."""
    source = Path(config.data.source)
    data = config.data
    if source.exists():
        data = data.model_copy(update={"source": str(source.resolve())})
    directory = str(Path(config.export.directory).resolve())
    export = config.export.model_copy(update={"directory": directory})
    made = config.model_copy(update={"data": data, "export": export})
    return made.model_dump(mode="json")
