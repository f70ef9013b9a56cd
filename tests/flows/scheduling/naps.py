"""A flow that takes seconds, with the names and the supervision that the product's flows have."""

import os
import time
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from prefect import flow
from prefect.schedules import Interval

from flows.naming import run_name
from flows.scheduling.deployment import Job, schedule_jobs
from flows.scheduling.supervised import supervised
from flows.scheduling.trigger import Trigger


@flow(name="nap", flow_run_name=run_name, persist_result=False)
@supervised
def nap(file: str, seconds: float) -> None:
    """Write down when it begins and when it ends."""
    with Path(file).open("a") as log:
        log.write(f"begin {os.getpid()}\n")
        log.flush()
        time.sleep(seconds)
        log.write(f"end {os.getpid()}\n")


def serve_naps(name: str, file: str, seconds: float) -> None:
    """Serve a deployment that runs every twenty seconds."""
    every = Interval(timedelta(seconds=20), timezone="UTC")
    job = Job(nap, name, {"file": file, "seconds": seconds})
    schedule_jobs([job], Trigger(every, ZoneInfo("UTC")), None)
