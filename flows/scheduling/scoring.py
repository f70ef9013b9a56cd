"""Batch inference by the clock: a flow that applies a model to what is new."""

from pathlib import Path
from typing import Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.inference import ENDPOINTS, Scored, is_registered, model_at
from flows.naming import run_name
from flows.notices.address import NotifyAddress
from flows.notices.sending import send_notice
from flows.page.outcome import shown_on_page
from flows.page.page import log
from flows.progress import RowCount
from flows.scheduling.supervised import supervised
from flows.skipped import skipped
from pipeline.errors import noted, raise_all
from pipeline.export.new_files import work_of
from pipeline.tracking.registry import pinned

Command = Literal["predict", "encode", "score"]


@flow(
    name="layerwise-inference", flow_run_name=run_name, persist_result=False,
    on_completion=[send_notice], on_failure=[send_notice], on_cancellation=[send_notice],
    on_crashed=[send_notice],
)  # fmt: skip
@supervised
@shown_on_page
def inference(
    command: Command,
    model: str,
    data: str,
    output: str,
    keep: tuple[str, ...] = (),
    level: int | None = None,
    dims: int | None = None,
    notify: NotifyAddress | None = None,
) -> State[Any]:
    """Apply a model to the rows of a source, or of each file of a pattern that is new.

    Args:
        command: What is asked of the model, as on the command line.
        model: models:/NAME@ALIAS, which may name another version at each run; or a folder.
        data: A source, or a pattern like /incoming/*.csv.
        output: Where the results go; with {name} for the name of each file of a pattern.
        keep: Columns of a table that are carried into the results.
        level: Of `encode`: the level whose code is wanted, from 1.
        dims: Of `encode`: how many dimensions, of a model of the task embed.
        notify: Post how the run ends to this http address, or to the one in the environment
            variable that $NAME names.
    """
    works = work_of(data, output)
    new = [work for work in works if work.is_new()]
    if not new:
        return skipped(f"None of {len(works)} files of {data} is new.")
    version = pinned(model) if model.startswith("models:/") else model
    rows = 0
    written: list[str] = []
    problems: list[str] = []
    with model_at(version) as folder:
        from pipeline.export.apply import Asked, apply_model

        version = version if is_registered(version) else str(folder)
        asked = Asked(ENDPOINTS[command], keep, level, dims, version)
        for work in new:
            with noted(problems):  # one bad file does not keep the others back
                count = RowCount([])
                applied = apply_model(folder, asked, work.source, work.output, count)
                work.finish()
                for note in applied.notes:
                    log(f"{Path(work.source).name}: {note}")
                done = f"{applied.rows:,} rows in {work.output}, by {version}"
                log(f"{done}, {count.told(applied.rows)}")
                rows += applied.rows
                written.append(str(work.output))
    raise_all(problems)
    scored = Scored(model=version, rows=rows, files=written)
    return Completed(message=f"{rows:,} rows in {len(written)} files, by {version}", data=scored)
