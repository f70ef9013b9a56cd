"""Which rows stay together, and on which side of a split they are."""
