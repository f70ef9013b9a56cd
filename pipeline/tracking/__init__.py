"""The record and the store of what stages made: MLflow, imported here alone."""
