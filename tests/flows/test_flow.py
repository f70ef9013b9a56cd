"""The flow as Prefect handles it."""

import cloudpickle

from flows.flow import pretraining


def test_the_flow_can_be_sent_to_the_process_of_a_served_run():
    """By value: nothing that it names may be a lock, an open file, a terminal."""
    assert cloudpickle.loads(cloudpickle.dumps(pretraining)).name == "layerwise"
