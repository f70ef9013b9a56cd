"""One run of a deployment at a time, and one for all that were missed.

A run looks at the other runs, as Prefect's server has them. Prefect's own concurrency limits are
held by leases, which are gone when the server restarts (they are kept in its memory) or is away for
some minutes: the engine then ends the run that held one, or the slot stays taken for ever.
"""

import random
import time
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Running

from flows.naming import name_of
from flows.scheduling.dead_runs import ACTIVE, PROCESS, close_dead_runs
from flows.skipped import skipped_state
from pipeline.tracking.processes import is_alive

WAITING = "Waiting"
"""The name of the state of a run that waits for its turn; its type is Prefect's RUNNING."""
SKIP = "overlap:skip"
"""The tag of deployments whose runs do not wait."""
LIMIT = "limit:"
"""What the tag of deployments begins with of which one has a run at a time."""
SECONDS = 5.0
"""Between two looks of a run that waits."""


def overlap_tags(overlap: str, limit_with: str | None) -> list[str]:
    """The tags of a deployment, which its runs inherit."""
    return [SKIP] * (overlap == "skip") + ([f"{LIMIT}{limit_with}"] if limit_with else [])


def wait_for_turn(client: SyncPrefectClient, run: FlowRun) -> str | None:
    """Wait until no other run of the deployment, or of its limit, is under way.

    Gives back None, or the reason for which the run has nothing to do any more.

    A run in state Running claims the turn. Two that claim it at one moment see each other, because
    each looks after it claimed; both then give way, and the one that began first claims it again.
    """
    claims = True
    while True:
        close_dead_runs(client, _peers(run))
        run = client.read_flow_run(run.id)
        others = _others(client, run)
        running = [other for other in others if other.state_name != WAITING]
        earlier = [other for other in others if _began(other) < _began(run)]
        if reason := _superseded(client, run) or _too_busy(
            run, [other for other in running if other in earlier]
        ):
            return reason
        if claims and not running:
            return None
        if claims:
            message = f"{_name(running[0])} is under way."
            client.set_flow_run_state(run.id, Running(name=WAITING, message=message))
            claims = False
        elif not running and not earlier and run.state_name == WAITING:
            client.set_flow_run_state(run.id, Running())
            claims = True
            continue
        time.sleep(SECONDS * random.uniform(0.5, 1))


def skip_missed_runs(
    client: SyncPrefectClient, deployment: FlowRunFilter
) -> list[tuple[FlowRun, State[Any]]]:
    """Skip what is due and has nothing to do, without a process for each; give back those runs."""
    scheduled = {"state": {"type": {"any_": ["SCHEDULED"]}}}
    done = []
    for run in _read(client, deployment, _due(), scheduled):
        running = [other for other in _others(client, run) if other.state_name != WAITING]
        if reason := _superseded(client, run) or _too_busy(run, running):
            client.update_flow_run(run.id, name=_name(run))
            state = skipped_state(reason)
            client.set_flow_run_state(run.id, state)
            done.append((run, state))
    return done


def _superseded(client: SyncPrefectClient, run: FlowRun) -> str | None:
    """Why a run that the clock began is not needed: a later one is due, or has begun."""
    if not run.auto_scheduled or not run.expected_start_time:
        return None
    wanted = {"state": {"type": {"any_": ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED"]}}}
    for other in _read(client, _of_deployment(run), _due(run.expected_start_time), wanted):
        if other.auto_scheduled and _due_order(other) > _due_order(run):
            return f"A later run, {_name(other)}, does its work."
    return None


def _due_order(run: FlowRun) -> tuple[datetime, str]:
    """Of two schedules of a deployment runs may be due at one moment: one of them is the later."""
    return run.expected_start_time or datetime.now(UTC), str(run.id)


def _name(run: FlowRun) -> str:
    """What it is called, or will be once it has begun."""
    return name_of(run, run.parameters)


def _too_busy(run: FlowRun, running: Collection[FlowRun]) -> str | None:
    """Why a run of a deployment that skips does not wait."""
    if SKIP in run.tags and running:
        return f"{', '.join(map(_name, running))} was still under way."
    return None


def _began(run: FlowRun) -> tuple[datetime, str]:
    return run.start_time or datetime.now(UTC), str(run.id)


def _of_deployment(run: FlowRun) -> FlowRunFilter:
    return FlowRunFilter.model_validate({"deployment_id": {"any_": [str(run.deployment_id)]}})


def _peers(run: FlowRun) -> FlowRunFilter:
    """Prefect's filter of the runs of which one at a time is under way."""
    if limits := [tag for tag in run.tags if tag.startswith(LIMIT)]:
        return FlowRunFilter.model_validate({"tags": {"all_": limits}})
    return _of_deployment(run)


def _others(client: SyncPrefectClient, run: FlowRun) -> list[FlowRun]:
    """The runs under way with which the run takes turns, and those suspended that go on as yet."""
    suspended = _read(client, _peers(run), {"state": {"type": {"any_": ["PAUSED"]}}})
    stopping = [other for other in suspended if is_alive(str(other.labels.get(PROCESS)))]
    return [other for other in _read(client, _peers(run), ACTIVE) + stopping if other.id != run.id]


def _due(after: datetime | None = None) -> dict[str, Any]:
    return {"expected_start_time": {"after_": after, "before_": datetime.now(UTC)}}


def _read(client: SyncPrefectClient, *filters: FlowRunFilter | dict[str, Any]) -> list[FlowRun]:
    """The runs that all filters let through, the latest first."""
    merged: dict[str, Any] = {}
    for part in filters:
        merged |= part if isinstance(part, dict) else part.model_dump(exclude_none=True)
    return client.read_flow_runs(
        flow_run_filter=FlowRunFilter.model_validate(merged),
        sort=FlowRunSort.EXPECTED_START_TIME_DESC,
    )
