"""Entries are sent beside the work, in order, and none is lost when the receiver fails."""

import threading
import time

import pytest

from pipeline.tracking.metric_buffer import MetricBuffer


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pipeline.tracking.metric_buffer.SECONDS", 0.0)


def wait_until_sent(buffer: MetricBuffer) -> None:
    while buffer.sending:
        time.sleep(0.001)


def test_an_absent_receiver_holds_nothing_up_and_loses_nothing():
    received: list[int] = []
    present = threading.Event()

    def send(entries):
        present.wait()
        received.extend(entries)

    buffer = MetricBuffer(send)
    began = time.monotonic()
    for number in range(100):
        buffer.add([number])
    assert time.monotonic() - began < 1
    assert received == []
    present.set()
    buffer.flush()
    assert received == list(range(100))


def test_what_failed_is_sent_again_before_what_came_later():
    received: list[int] = []
    faults = [OSError("gone")]

    def send(entries):
        if faults:
            raise faults.pop()
        received.extend(entries)

    buffer = MetricBuffer(send)
    buffer.add([1])
    wait_until_sent(buffer)
    assert received == []
    buffer.add([2])
    wait_until_sent(buffer)
    assert received == [1, 2]


def test_the_end_tells_of_a_receiver_that_never_comes_back():
    def send(entries):
        raise OSError("gone")

    buffer = MetricBuffer(send)
    buffer.add([1])
    with pytest.raises(OSError, match="gone"):
        buffer.flush()


def test_they_are_sent_together_when_there_is_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pipeline.tracking.metric_buffer.SECONDS", 60.0)
    calls: list[list[int]] = []
    buffer = MetricBuffer(lambda entries: calls.append(list(entries)))
    for number in range(5):
        buffer.add([number])
    buffer.flush()
    buffer.flush()
    assert calls == [[0, 1, 2, 3, 4]]
