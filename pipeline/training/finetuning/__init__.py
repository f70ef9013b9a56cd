"""The stacked encoder with a head, trained with labels."""
