"""When a run begins and where: Prefect deployments, served from here or left to a work pool."""
