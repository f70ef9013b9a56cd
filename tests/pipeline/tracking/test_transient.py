"""What may be tried again."""

import pytest
from mlflow.exceptions import MlflowException

from pipeline.errors import InputError
from pipeline.tracking.faults import transient


def test_faults_of_disk_network_and_store_are_transient_faults_of_the_input_are_not():
    assert transient(OSError("the disk is full"))
    assert transient(ConnectionResetError())
    assert transient(MlflowException("the server stumbled"))
    assert not transient(InputError("wrong"))
    assert not transient(ValueError("wrong"))
    assert not transient(MlflowException.invalid_parameter_value("wrong"))
    assert not transient(KeyboardInterrupt())


def test_a_path_that_is_wrong_is_not_tried_again(tmp_path):
    file = tmp_path / "file"
    file.touch()
    for attempt in (
        (tmp_path / "missing").read_text,
        tmp_path.read_text,
        file.mkdir,
        (file / "below").mkdir,
    ):
        with pytest.raises(OSError) as caught:
            attempt()
        assert not transient(caught.value)
    assert not transient(PermissionError(13, "denied"))
