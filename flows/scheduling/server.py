"""The Prefect server that schedules live on, and its work pools."""

from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.settings import get_current_settings

from flows.server.configured import check_prefect
from pipeline.errors import InputError, nearest


def lasting_server() -> str:
    """The address of the Prefect server, which outlives the runs. `InputError` where none is."""
    url = get_current_settings().api.url
    if not url:
        raise InputError(
            "A schedule needs a Prefect server that outlives its runs. Start one with `prefect "
            "server start` and set PREFECT_API_URL=http://127.0.0.1:4200/api."
        )
    check_prefect(url)
    return url


def check_pool(pool: str) -> None:
    """Raise `InputError` for a work pool that is not there."""
    with get_client(sync_client=True) as client:
        try:
            client.read_work_pool(pool)
        except ObjectNotFound:
            names = [found.name for found in client.read_work_pools()]
            raise InputError(
                f"There is no work pool {pool!r}.{nearest(pool, names)} Make one: "
                f"prefect work-pool create {pool} --type process."
            ) from None
