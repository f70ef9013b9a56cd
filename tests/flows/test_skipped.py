"""A run that had no reason to work is shown as skipped, with the reason."""

from prefect import State, flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.skipped import skipped


def test_a_skipped_run_says_why_and_gives_nothing_back(prefect_url: str):
    @flow(name="nothing to do", persist_result=False)
    def nothing_to_do() -> State:
        return skipped("The data are those of the last run.")

    named = FlowFilter.model_validate({"name": {"any_": ["nothing to do"]}})
    with temporary_settings({PREFECT_API_URL: prefect_url}):
        assert nothing_to_do() is None
        with get_client(sync_client=True) as client:
            (run,) = client.read_flow_runs(flow_filter=named)
    assert run.state and run.state.is_completed()
    assert run.state.name == "Skipped"
    assert run.state.message == "The data are those of the last run."
