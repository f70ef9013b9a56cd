"""How a flow run ended is posted to a real listener; whatever that does, the run ends the same."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.flow import pretraining
from flows.notices.address import NotifyAddress, address_of, check_notify
from flows.notices.sending import send_notice
from flows.page.outcome import shown_on_page
from flows.shortened import shortened
from flows.skipped import skipped
from pipeline.config.loading import load
from pipeline.config.schema import RunConfig
from pipeline.errors import InputError
from tests.flows.conftest import free_port
from tests.flows.notices.listener import listening

CONFIG = RunConfig(name="nightly")


@pytest.fixture(autouse=True)
def server(prefect_url: str) -> Iterator[None]:
    with temporary_settings({PREFECT_API_URL: prefect_url}):
        yield


@flow(
    persist_result=False, on_completion=[send_notice], on_failure=[send_notice],
    on_crashed=[send_notice],
)  # fmt: skip
@shown_on_page
def ending(config: RunConfig, how: str, notify: NotifyAddress | None = None) -> Any:
    match how:
        case "skipped":
            return skipped("Nothing is new.")
        case "shortened":
            return shortened("There was no time.")
        case "failed":
            raise OSError("The disk is full.")
        case "stopped":
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("how", "event", "reason"),
    [("skipped", "skipped", "Nothing is new."), ("failed", "failed", "OSError: The disk is full."),
     ("shortened", "shortened", "There was no time.")],
)  # fmt: skip
def test_a_run_that_is_skipped_or_cut_short_or_fails_says_why(
    how: str, event: str, reason: str, prefect_url: str
):
    with listening() as listener:
        state: Any = ending(CONFIG, how, listener.address, return_state=True)
    (notice,) = listener.notices
    assert (notice["event"], notice["name"], notice["reason"]) == (event, "nightly", reason)
    assert notice["text"] == f"nightly {event}: {reason}"
    assert notice["state"] == state.name
    assert notice["pages"]["prefect"].startswith(
        f"{prefect_url.removesuffix('/api')}/runs/flow-run/"
    )


def test_a_run_that_is_stopped_says_so():
    with listening() as listener, pytest.raises(KeyboardInterrupt):
        ending(CONFIG, "stopped", listener.address)
    (notice,) = listener.notices
    assert notice["event"] == "crashed"


def test_a_run_whose_data_are_refused_says_why(workspace: Path):
    config = load("digits", "missing.csv", "y", ())
    with listening() as listener:
        state = pretraining(config, notify=listener.address, return_state=True)
    assert state.name == "Refused"
    (notice,) = listener.notices
    assert notice["event"] == "refused"
    assert "missing.csv" in notice["reason"]
    assert len(notice["run_id"]) == 32


def test_a_run_whose_config_is_refused_says_why():
    config = {"name": "nightly", "stack": [{"units": -1}]}
    with listening() as listener:
        state = pretraining(config, notify=listener.address, return_state=True)
    assert state.is_failed()
    (notice,) = listener.notices
    assert (notice["event"], notice["name"]) == ("refused", "nightly")
    assert "units" in notice["reason"]


def test_the_address_may_be_in_the_environment(monkeypatch: pytest.MonkeyPatch):
    with listening() as listener:
        monkeypatch.setenv("HOOK", listener.address)
        ending(CONFIG, "skipped", "$HOOK")
    assert len(listener.notices) == 1


@pytest.mark.parametrize(
    ("status", "seconds", "problem"),
    [(500, 0.0, "the listener answers with status 500."), (204, 30.0, "ReadTimeout."),
     (None, 0.0, "ConnectError.")],
)  # fmt: skip
def test_a_listener_that_is_dead_slow_or_rude_harms_nothing(
    status: int | None,
    seconds: float,
    problem: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr("flows.notices.sending.TIMEOUT", 0.5)
    with listening(status or 204, seconds) as listener:
        address = listener.address if status else f"http://127.0.0.1:{free_port()}/t0ken"
        began = time.monotonic()
        state: Any = ending(CONFIG, "skipped", address, return_state=True)
        assert time.monotonic() - began < 5
    assert state.name == "Skipped"
    said = capsys.readouterr().err
    assert f"The notice was not sent: {problem}" in said
    assert "t0ken" not in said


@pytest.mark.parametrize(
    "notify",
    ["ftp://host/x", "host:80", "", "$", "$1", "http://", "https://me:s3cret@host/x",
     "http://token@host", "https://me:pa/ss@host", "http://a b", "https://host/x?token=s3cret"],
)  # fmt: skip
def test_what_is_no_address_or_has_a_password_is_refused(notify: str):
    with pytest.raises(InputError, match="--notify needs") as refusal:
        check_notify(notify)
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize("held", [None, "host", "ftp://host"])
def test_a_variable_without_an_address_is_refused(
    held: str | None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("HOOK", raising=False)
    if held:
        monkeypatch.setenv("HOOK", held)
    with pytest.raises(InputError, match="environment variable HOOK"):
        address_of("$HOOK")


@pytest.mark.parametrize(
    "notify", ["https://hooks.example.com/T0/B1?x=a@b", "http://[::1]:80", "$HOOK"]
)
def test_an_address_or_the_name_of_a_variable_is_taken(notify: str):
    check_notify(notify)
