"""One promotion at a time beside a local store, whoever holds the lock and however it ends."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from pipeline.tracking.promotion_lock import promotion_lock

HOLDER = """
import sys, time
from pipeline.tracking.promotion_lock import promotion_lock
with promotion_lock():
    print("held", flush=True)
    time.sleep(float(sys.argv[1]))
"""
ROOT = Path(__file__).parents[3]


def holder(seconds: float) -> subprocess.Popen[str]:
    """Another process that has the lock for so long."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert process.stdout and process.stdout.readline() == "held\n"
    return process


def test_another_process_is_waited_for(uri):
    other = holder(3)
    waited: list[bool] = []
    with promotion_lock(lambda: waited.append(True)):
        assert other.wait() == 0  # it had ended, or was about to
    assert waited == [True]


def test_a_holder_that_is_killed_holds_nothing(uri):
    other = holder(600)
    other.send_signal(signal.SIGKILL)
    other.wait()
    began = time.monotonic()
    with promotion_lock():
        pass
    assert time.monotonic() - began < 5


def test_threads_of_one_process_are_held_apart_too(uri):
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        with promotion_lock():
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.05)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 4


def test_a_store_on_a_server_has_no_such_lock(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with promotion_lock(), promotion_lock():
        pass
    assert list(tmp_path.iterdir()) == []
