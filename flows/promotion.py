"""One promotion at a time where MLflow is a server, which any number of machines write to."""

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

from pipeline.tracking.store import database_file, tracking_uri

LIMIT = "layerwise-promotion"
"""The name of the limit, as Prefect's page shows it."""


@contextmanager
def one_promotion() -> Iterator[None]:
    """Hold Prefect's global concurrency limit of one, which is made where there is none yet.

    A store in a folder has a lock of its own (`pipeline/tracking/promotion_lock.py`).
    """
    if database_file(tracking_uri()):
        yield
        return
    with get_client(sync_client=True) as client:
        try:
            client.read_global_concurrency_limit_by_name(LIMIT)
        except ObjectNotFound:
            try:
                limit = GlobalConcurrencyLimitCreate(name=LIMIT, limit=1)
                client.create_global_concurrency_limit(limit)
            except ObjectAlreadyExists:
                pass  # another one made it meanwhile
    # Unless the server is gone for minutes, the slot is held: what is under way then ends.
    with concurrency(LIMIT, strict=True, raise_on_lease_renewal_failure=False):
        yield
