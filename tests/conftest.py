"""Before TensorFlow, MLflow or Prefect is imported: their chatter off, as on the command line."""

from flows.quiet import set_environment

set_environment(verbose=False)
