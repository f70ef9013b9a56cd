"""What can be scheduled, with parameters that hold in whatever folder and machine a run starts."""

import glob
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.flow import pretraining
from flows.inference import is_registered
from flows.scheduling.deployment import Job
from flows.scheduling.scoring import inference
from pipeline.config.data import SOURCES
from pipeline.config.schema import RunConfig
from pipeline.credentials import secret_in
from pipeline.data.sources.builtin import BUILTINS
from pipeline.errors import InputError, noted, raise_all
from pipeline.export.folder import model_folder
from pipeline.export.new_files import is_pattern, work_of
from pipeline.tracking.registry import pinned


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
    given = {name: getattr(config.data, name) for name in SOURCES}
    files = {
        name: _absolute(source)
        for name, source in given.items()
        if source and (Path(source).exists() or is_pattern(source))
    }
    data = config.data.model_copy(update=files)
    directory = str(Path(config.export.directory).resolve())
    export = config.export.model_copy(update={"directory": directory})
    made = config.model_copy(update={"data": data, "export": export})
    return made.model_dump(mode="json")


def inference_job(
    command: str, model: str, data: str, output: str, name: str | None, **others: Any
) -> Job:
    """`layerwise predict` and its sisters, which at each run take the model that is named then.

    Raises `InputError` for a model that is not there, and for results that could not be written.
    """
    problems: list[str] = []
    with noted(problems):
        if not is_registered(model):
            model_folder(Path(model))
        elif model.startswith("models:/"):
            pinned(model)
    with noted(problems):
        data, output = _absolute(data), str(Path(output).expanduser().absolute())
        work_of(data, output)
    raise_all(problems)
    plain = re.sub("[^A-Za-z0-9_.]+", "-", model.removeprefix("models:/")).strip("-")
    parameters = {
        "command": command,
        "model": model if is_registered(model) else str(Path(model).resolve()),
        "data": data,
        "output": output,
        **others,
    }
    return Job(inference, name or f"{command}-{plain}", parameters)


def _absolute(data: str) -> str:
    """A source, or a pattern of files, that means the same in any folder.

    Raises:
        InputError: for an address with a password, which Prefect would store.
    """
    if message := secret_in(data):
        raise InputError(message)
    if data in BUILTINS or "://" in data:
        return data
    path = Path(data).expanduser()
    if is_pattern(str(path)):
        return str(Path(glob.escape(str(Path.cwd())), path))
    return str(path.absolute())
