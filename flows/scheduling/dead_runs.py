"""Flow runs whose process was killed: nobody else would ever tell Prefect's server."""

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Cancelled, Crashed

from pipeline.tracking.processes import is_dead, this_process

PROCESS = "layerwise.process"
"""The label of a flow run that says which process it is."""
ACTIVE = {"state": {"type": {"any_": ["RUNNING", "CANCELLING"]}}}
"""Prefect's filter of runs that have a process."""


def record_process(client: SyncPrefectClient, run: FlowRun) -> None:
    """Note with the flow run that it is this process."""
    client.update_flow_run_labels(run.id, {PROCESS: this_process()})


def close_dead_runs(client: SyncPrefectClient, among: FlowRunFilter) -> None:
    """Close as crashed, or as cancelled, those whose process on this machine is no more.

    Of a process on another machine nobody here can tell; its run is left as it is.
    """
    active = FlowRunFilter.model_validate(among.model_dump(exclude_none=True) | ACTIVE)
    for run in client.read_flow_runs(flow_run_filter=active):
        process = run.labels.get(PROCESS)
        if isinstance(process, str) and is_dead(process):
            _close(client, run, f"Its process is no more ({process}).")


def _close(client: SyncPrefectClient, run: FlowRun, message: str) -> None:
    """Close the run and the runs of the flows that it called."""
    cancelled = run.state is not None and run.state.is_cancelling()
    state: State = Cancelled(message=message) if cancelled else Crashed(message=message)
    # Not by force: the server refuses it where the run has ended meanwhile.
    client.set_flow_run_state(run.id, state)
    called = {"parent_flow_run_id": {"any_": [str(run.id)]}, **ACTIVE}
    for child in client.read_flow_runs(flow_run_filter=FlowRunFilter.model_validate(called)):
        _close(client, child, message)
