"""Metrics, the comparison of the arms, label saving, reference models."""
