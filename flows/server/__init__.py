"""Prefect's server and the pages, on loopback."""
