"""Models that are not there."""

import pytest

from pipeline.errors import InputError
from pipeline.tracking.registry import download_model


@pytest.mark.parametrize("model", ["models:/nothing@latest_run", "models:/nothing/3"])
def test_a_model_that_is_not_registered_is_refused(model, tracker):
    with pytest.raises(InputError, match=f"MLflow has no model '{model}'"):
        download_model(model)
