"""The settings of our own processes, for the workers of a Dask cluster."""

from distributed import WorkerPlugin

from flows.environment import set_environment


class Environment(WorkerPlugin):
    """Sets what `set_environment` sets, before a worker imports TensorFlow, MLflow or Prefect."""

    name = "layerwise"

    def setup(self, worker: object) -> None:
        """Dask calls it in each worker, and in those that join later."""
        set_environment(verbose=False)
