"""Which version a name stands for, and models that are not there."""

from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.tracking.registry import download_model, pinned


@pytest.mark.parametrize("find", [download_model, pinned])
@pytest.mark.parametrize("model", ["models:/nothing@latest_run", "models:/nothing/3"])
def test_a_model_that_is_not_registered_is_refused(find, model, tracker):
    with pytest.raises(InputError, match=f"MLflow has no model '{model}'"):
        find(model)


def test_a_name_stands_for_the_version_that_its_alias_has_now(tracker, tmp_path: Path):
    client = tracker.client
    client.create_registered_model("digits")
    for _ in range(2):
        client.create_model_version("digits", tmp_path.as_uri())
    for version in ("1", "2"):
        client.set_registered_model_alias("digits", "champion", version)
        assert pinned("models:/digits@champion") == f"models:/digits/{version}"
    assert pinned("models:/digits/latest") == "models:/digits/2"
    assert pinned("models:/digits/1") == "models:/digits/1"
    with pytest.raises(InputError, match="'models:/digits@nobody'"):
        pinned("models:/digits@nobody")
