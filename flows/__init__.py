"""In what order, when, where and again: the Prefect flow, and the command line that starts it."""
