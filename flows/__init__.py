"""In what order, when, where and again: the Prefect flow, and the command line that starts it."""

from flows.environment import set_environment

# Where Prefect's worker begins a run, nothing of ours was there before the flow is imported.
set_environment(verbose=True)
