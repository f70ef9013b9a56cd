"""What each stage does, as functions. No Prefect here, and MLflow in `tracker` alone."""
