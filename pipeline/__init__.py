"""What each stage does, as functions: rows in, values out. No Prefect; MLflow in `tracker` alone."""
