"""Which version of a registered model is in service: promoted by hand, rolled back."""

from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.tracking.champion import champions, promote, roll_back, seen_champion, was_rolled_back


@pytest.fixture
def client(tracker, tmp_path: Path):
    """A store with three versions of the model `digits`, none of which is in service."""
    client = tracker.client
    client.create_registered_model("digits")
    for _ in range(3):
        client.create_model_version("digits", tmp_path.as_uri())
    return client


def in_service() -> tuple[int | None, int | None]:
    (found,) = champions()
    return found.champion, found.previous


def test_at_first_nothing_is_in_service(client):
    assert in_service() == (None, None)


def test_the_champion_that_there_was_becomes_the_previous_one(client):
    promote("digits", 1, expected=None)
    assert in_service() == (1, None)
    promote("digits", 3, expected=1)
    assert in_service() == (3, 1)
    promote("digits", 2, expected=3)
    assert in_service() == (2, 3)


def test_when_it_became_the_champion_is_known(client):
    promote("digits", 1, expected=None)
    (found,) = champions()
    assert found.since and found.since.startswith("20") and found.since.endswith("+00:00")


def test_a_rollback_goes_back_once(client):
    promote("digits", 1, expected=None)
    promote("digits", 2, expected=1)
    roll_back("digits", expected=2)
    assert in_service() == (1, None)
    with pytest.raises(InputError, match="no previous champion.*layerwise promote digits VERSION"):
        roll_back("digits", expected=1)


def test_what_was_rolled_back_is_marked_until_it_is_promoted_by_hand(client):
    promote("digits", 1, expected=None)
    promote("digits", 2, expected=1)
    assert not was_rolled_back(client, "digits", 2)
    roll_back("digits", expected=2)
    assert was_rolled_back(client, "digits", 2) and not was_rolled_back(client, "digits", 1)
    promote("digits", 2, expected=1)
    assert not was_rolled_back(client, "digits", 2)


def test_a_champion_that_an_earlier_version_replaces_is_marked_too(client):
    promote("digits", 3, expected=None)
    promote("digits", 1, expected=3)
    assert was_rolled_back(client, "digits", 3) and in_service() == (1, 3)


def test_a_champion_that_changed_meanwhile_is_left_alone(client):
    promote("digits", 1, expected=None)
    with pytest.raises(InputError, match="became version 1 meanwhile; it was none.*status"):
        promote("digits", 2, expected=None)
    with pytest.raises(InputError, match="became version 1 meanwhile; it was version 3"):
        roll_back("digits", expected=3)
    assert in_service() == (1, None)


def test_what_is_not_there_is_refused(client):
    with pytest.raises(InputError, match=r"no version 9. Valid: 1, 2, 3"):
        promote("digits", 9, expected=None)
    with pytest.raises(InputError, match="no registered model 'digit'. Did you mean 'digits'"):
        seen_champion("digit")
    promote("digits", 1, expected=None)
    with pytest.raises(InputError, match="Version 1 of digits is the champion already"):
        promote("digits", 1, expected=1)


def test_a_rollback_to_a_version_that_was_deleted_moves_nothing(client):
    promote("digits", 1, expected=None)
    promote("digits", 2, expected=1)
    client.delete_model_version("digits", "1")
    with pytest.raises(InputError, match="no previous champion"):
        roll_back("digits", expected=2)
    assert in_service() == (2, None)
