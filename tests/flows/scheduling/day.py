"""What a day of scheduled runs needs: a table that grows, and a transcript."""

import shlex
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Run
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelling
from sklearn.datasets import load_digits

from tests.flows.notices.listener import Listener
from tests.flows.scheduling.conftest import PrefectServer, runs_of, state_of, wait_until

CONFIG = """\
name: night
data: {source: digits.csv, label: digit, holdout: stable, scaling: global}
stack: [{units: 64, sparsity: {mechanism: topk, k: 16}, epochs: 30}]
pretrain: {from: night}
pretrain_seeds: 2
finetune: {seeds: 2, label_budgets: [50]}
"""
EVERY_MINUTE = "* * * * *"
LONG = {"units": 64, "sparsity": {"mechanism": "topk", "k": 16}, "epochs": 6000}


def write_rows(file: Path, rows: slice) -> None:
    """Some of scikit-learn's digits as a CSV file with a header, renamed into place."""
    digits = load_digits()
    table = pd.DataFrame(digits.data, columns=[f"pixel_{n}" for n in range(64)])[rows]
    aside = file.with_suffix(".new")
    table.assign(digit=np.asarray(digits.target)[rows]).to_csv(aside, index=False)
    aside.rename(file)


class Transcript:
    """What happened in which second, as lines of Markdown."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.lines: list[str] = []

    def did(self, text: str) -> None:
        """What the operator did."""
        self._add(f"**{text}**")

    def saw(self, text: str) -> None:
        """What came of it."""
        self._add(text)

    def _add(self, text: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        self.lines.append(f"* {minutes:02d}:{seconds:02d} {text}")
        print(self.lines[-1], flush=True)


class Day:
    """The folder, the server and what can be done to a deployment there."""

    def __init__(self, folder: Path, server: PrefectServer, listener: Listener):
        self.folder = folder
        self.server = server
        self._notices = listener.notices
        self.transcript = Transcript()

    def ended(self, name: str, flow: str = "layerwise") -> list[FlowRun]:
        """The runs of a deployment that ended, in the order in which they were due."""
        ended = [run for run in runs_of(name, flow) if run.state and run.state.is_final()]
        return sorted(ended, key=lambda run: str(run.expected_start_time))

    def next_end(self, name: str, flow: str = "layerwise", seconds: float = 240) -> FlowRun:
        """Wait until one more run has ended than now."""
        before = {run.id for run in self.ended(name, flow)}
        wait_until(lambda: len(self.ended(name, flow)) > len(before), seconds, self.folder)
        run = next(run for run in self.ended(name, flow) if run.id not in before)
        self.saw(run)
        return run

    def saw(self, run: FlowRun) -> None:
        state = run.state
        assert state and run.start_time and run.end_time
        took = (run.end_time - run.start_time).total_seconds()
        reason = f": {state.message}" if state.name in ("Skipped", "Cancelled") else ""
        self.transcript.saw(f"`{run.name}`, {took:.0f} s, {state.name}{reason}")

    def begin(self, name: str, **config: Any) -> FlowRun:
        """What the custom-run form does, with some keys of the config changed."""
        with get_client(sync_client=True) as client:
            found = client.read_deployment_by_name(f"layerwise/{name}")
            parameters = {"config": found.parameters["config"] | config}
            return client.create_flow_run_from_deployment(found.id, parameters=parameters)

    def training(self, run: FlowRun) -> None:
        """Wait until a level is some epochs in."""
        wait_until(lambda: self._epochs() > 20, 120, self.folder)
        self.transcript.saw(f"`{run.name}` trains, epoch {self._epochs()}")

    def cancel(self, run: FlowRun) -> float:
        """Cancel, as on the page; the seconds until it is cancelled."""
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(run.id, Cancelling())
        began = time.monotonic()
        wait_until(lambda: state_of(run) == "Cancelled", 60, self.folder)
        seconds = time.monotonic() - began
        wait_until(lambda: not self.mlflow("attributes.status = 'RUNNING'"), 10, self.folder)
        killed = len(self.mlflow("attributes.status = 'KILLED'"))
        self.transcript.saw(
            f"`{run.name}` is Cancelled after {seconds:.0f} s; in MLflow {killed} runs are KILLED"
        )
        return seconds

    def mlflow(self, condition: str) -> list[Run]:
        """MLflow's runs, the latest first."""
        client = MlflowClient(f"sqlite:///{self.folder}/mlruns/mlflow.db")
        experiment = client.get_experiment_by_name("night")
        return client.search_runs([experiment.experiment_id], condition) if experiment else []

    def _epochs(self) -> int:
        running = self.mlflow("attributes.status = 'RUNNING' and tags.`layerwise.level` = '1'")
        if not running:
            return 0
        client = MlflowClient(f"sqlite:///{self.folder}/mlruns/mlflow.db")
        return len(client.get_metric_history(running[0].info.run_id, "loss"))

    @staticmethod
    def typed(arguments: list[str]) -> str:
        """A command of ours as it is typed, in Markdown."""
        return f"`layerwise {shlex.join(arguments)}`"

    def noticed(self, event: str, seconds: float = 30, reason: str = "") -> dict[str, Any]:
        """The next notice of this event, for this reason; others before it are left out."""

        def coming() -> list[dict[str, Any]]:
            return [
                notice
                for notice in self._notices
                if notice["event"] == event and reason in (notice["reason"] or "")
            ]

        wait_until(coming, seconds, self.folder)
        (notice, *_) = coming()
        del self._notices[: self._notices.index(notice) + 1]
        self.transcript.saw("Notice: " + notice["text"].replace(f"{self.folder}/", ""))
        return notice
