"""Rows in memory and rows on disk, read alike."""
