"""Whether a Dask cluster answers, and whether its workers can do the work of a run."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from distributed import Client
from prefect.settings import get_current_settings

from flows.cluster.environment import Environment
from pipeline.credentials import redact
from pipeline.errors import InputError, raise_all
from pipeline.tracking.find import check_run

SECONDS = 5
"""How long a scheduler, and by a worker Prefect's server, is waited for."""


def check_cluster(address: str) -> None:
    """Raise `InputError` when no Dask scheduler with workers answers at the address."""
    with _connected(address):
        pass


def prepare_workers(address: str, run_id: str) -> None:
    """Raise `InputError` unless each worker reaches the store, with the run, and Prefect's server.

    A worker has MLflow's address from its own environment: it may hold a password.
    """
    with _connected(address) as client:
        try:
            client.register_plugin(Environment())
        except ModuleNotFoundError as error:
            raise InputError(
                f"Workers of the Dask cluster at {address} lack Layerwise: {error}. Install the "
                "same version there."
            ) from error
        found = client.run(_problem, run_id, _prefect_address())
    raise_all(
        [
            f"The Dask worker {worker} cannot work for this run: {problem}"
            for worker, problem in found.items()
            if problem
        ]
    )


@contextmanager
def _connected(address: str) -> Iterator[Client]:
    try:
        client = Client(address, timeout=SECONDS, set_as_default=False)
    except OSError as error:
        raise InputError(
            f"execution.address: no Dask scheduler answers at {address} ({error}). Start one with "
            "`dask scheduler`, or leave the address out."
        ) from error
    with client:
        if not client.scheduler_info()["workers"]:
            raise InputError(
                f"execution.address: the Dask cluster at {address} has no workers. Start some: "
                f"dask worker {address} --nthreads 1."
            )
        yield client


def _prefect_address() -> str:
    """Of Prefect's server, without name and password."""
    parts = urlsplit(get_current_settings().api.url or "")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _problem(run_id: str, prefect: str) -> str | None:
    """Called in a worker: why it cannot do the work of a run, if so."""
    try:
        check_run(run_id)
        urllib.request.urlopen(f"{prefect}/health", timeout=SECONDS).close()
    except InputError as error:
        return redact(str(error))
    except urllib.error.HTTPError:  # it answers
        return None
    except OSError as error:
        return (
            f"Prefect's server does not answer it at {prefect} ({error}). Start one that it "
            "reaches and set PREFECT_API_URL for the run: by itself a run's server answers this "
            "machine alone."
        )
    return None
