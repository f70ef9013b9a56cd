"""Entries are sent beside the work, in order, and none is lost when the receiver fails."""

import threading
import time

import pytest

from pipeline.tracking.metric_buffer import MetricBuffer


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pipeline.tracking.metric_buffer.SECONDS", 0.0)


def settled(sender: MetricBuffer) -> None:
    while sender._busy():
        time.sleep(0.001)


def test_an_absent_receiver_holds_nothing_up_and_loses_nothing():
    received: list[int] = []
    present = threading.Event()

    def send(entries):
        present.wait()
        received.extend(entries)

    sender = MetricBuffer(send)
    began = time.monotonic()
    for number in range(100):
        sender.add([number])
    assert time.monotonic() - began < 1
    assert received == []
    present.set()
    sender.flush()
    assert received == list(range(100))


def test_what_failed_is_sent_again_before_what_came_later():
    received: list[int] = []
    faults = [OSError("gone")]

    def send(entries):
        if faults:
            raise faults.pop()
        received.extend(entries)

    sender = MetricBuffer(send)
    sender.add([1])
    settled(sender)
    assert received == []
    sender.add([2])
    settled(sender)
    assert received == [1, 2]


def test_the_end_tells_of_a_receiver_that_never_comes_back():
    def send(entries):
        raise OSError("gone")

    sender = MetricBuffer(send)
    sender.add([1])
    with pytest.raises(OSError, match="gone"):
        sender.flush()


def test_they_are_sent_together_when_there_is_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pipeline.tracking.metric_buffer.SECONDS", 60.0)
    calls: list[list[int]] = []
    sender = MetricBuffer(lambda entries: calls.append(list(entries)))
    for number in range(5):
        sender.add([number])
    sender.flush()
    sender.flush()
    assert calls == [[0, 1, 2, 3, 4]]
