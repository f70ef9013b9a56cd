"""Before TensorFlow, MLflow or Prefect is imported: their chatter off, as on the command line."""

import gc

from flows.environment import set_environment

set_environment(verbose=False)
# Tracing makes objects by the hundred thousand and no garbage: a tenth of all time was the
# collector's.
gc.set_threshold(50_000)
