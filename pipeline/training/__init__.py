"""Rows in, weights out: knows no run and no store."""
