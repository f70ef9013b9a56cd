"""Prefect's page of a flow run: its log, its artifacts, and why it failed."""
