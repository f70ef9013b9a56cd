"""Removing what old runs stored, and nothing that is still in use."""
