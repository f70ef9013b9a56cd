"""`python -m flows.cli` is `layerwise`."""

from flows.cli import program

program()
