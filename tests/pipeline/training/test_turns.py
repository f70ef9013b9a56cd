"""A measurement runs alone; training runs beside training."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from pipeline.training.turns import Turns


def test_nobody_trains_while_one_measures_and_none_waits_for_ever():
    turns, now, seen = Turns(), {"training": 0, "measuring": 0}, set()
    lock = threading.Lock()

    def work(kind: str) -> None:
        for _ in range(30):
            with getattr(turns, kind)():
                with lock:
                    now[kind] += 1
                    seen.add((now["training"], now["measuring"]))
                time.sleep(0.0005)
                with lock:
                    now[kind] -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, ["training"] * 6 + ["measuring"] * 2, timeout=60))
    assert max(training for training, _ in seen) > 1
    assert (0, 1) in seen
    assert all(training == 0 or measuring == 0 for training, measuring in seen)
    assert max(measuring for _, measuring in seen) == 1


def test_who_measures_may_train_meanwhile():
    turns = Turns()
    with turns.measuring(), turns.training():
        pass
    with turns.training():
        pass


def test_after_an_error_the_turn_is_free_again():
    turns = Turns()
    for take in (turns.training, turns.measuring):
        try:
            with take():
                raise RuntimeError
        except RuntimeError:
            pass
    with ThreadPoolExecutor(1) as pool, turns.measuring():
        waiting = pool.submit(lambda: turns.training().__enter__())
        assert not waiting.done()
    assert waiting.result(timeout=10) is None
