"""Readers of rows: a file for each kind of source."""
