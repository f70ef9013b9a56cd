"""Which weights may go: whatever stays can still be compared, exported and taken from the cache."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.tracking.cleaning.cleanable import RunRecord, StageRecord, cleanable


class Made(NamedTuple):
    """A run as somebody asked for it."""

    experiment: str
    keys: frozenset[int]
    """Of its stages; what has the same key is the same stage."""
    state: str
    refresh: bool


MADE = st.lists(
    st.builds(
        Made,
        st.sampled_from("ab"),
        st.frozensets(st.integers(0, 5), min_size=1, max_size=4),
        st.sampled_from(["finished", "finished", "finished", "ended", "running"]),
        st.booleans(),
    ),
    max_size=12,
)


class Store:
    """Runs as they come about, with a cache that is never wrong."""

    def __init__(self) -> None:
        self.runs: list[RunRecord] = []
        self.makers: dict[int, list[str]] = {}
        """By key those whose weights are there, the latest last."""

    def run(self, made: Made) -> None:
        number = len(self.runs)
        stages = []
        for key in sorted(made.keys):
            run_id = f"{number}-{key}"
            if made.refresh or not self.makers.get(key):
                made_by = run_id
                self.makers.setdefault(key, []).append(run_id)
            else:
                made_by = self.makers[key][-1]
            model = f"model {made_by}" if key == 0 else None
            folder = f"folder {made_by}" if key == 0 else None
            weights = made_by == run_id
            stages.append(StageRecord(run_id, str(key), True, made_by, weights, model, folder))
        self.runs.append(RunRecord(str(number), made.experiment, made.state, number, tuple(stages)))

    def clean(self, aliased: set[str], keep: int, experiment: str | None) -> set[str]:
        may_go = cleanable(self.runs, aliased, keep, experiment)
        for makers in self.makers.values():
            makers[:] = [maker for maker in makers if maker not in may_go.stages]
        self.runs = [
            run._replace(
                stages=tuple(s._replace(weights=s.weights and s.run_id not in may_go.stages)
                             for s in run.stages)
            )
            for run in self.runs
        ]  # fmt: skip
        return set(may_go.folders)

    @property
    def there(self) -> set[str]:
        return {maker for makers in self.makers.values() for maker in makers}


def latest(runs: Sequence[RunRecord], experiment: str, keep: int) -> list[RunRecord]:
    finished = [r for r in runs if r.experiment == experiment and r.state == "finished"]
    return finished[-keep:]


@given(MADE, st.integers(1, 3), st.sampled_from([None, "a"]), st.data())
def test_what_stays_is_whole_and_cached(made, keep, experiment, data):
    store = Store()
    for one in made:
        store.run(one)
        if not data.draw(st.booleans()):
            continue
        models = sorted({s.model for r in store.runs for s in r.stages if s.model and s.weights})
        aliased = set(data.draw(st.lists(st.sampled_from(models), max_size=1)) if models else [])
        before = store.there
        folders = store.clean(aliased, keep, experiment)
        stay = [run for name in "ab" for run in latest(store.runs, name, keep)]
        stay += [run for run in store.runs if run.state == "running"]
        for run in stay:
            for stage in run.stages:
                needed = stage.made_by in before
                assert not needed or stage.made_by in store.there
                assert not needed or store.makers[int(stage.key)]  # an identical run finds it
                assert stage.folder not in folders
        for model in aliased:
            assert model.removeprefix("model ") in store.there


@given(MADE)
def test_of_one_experiment_alone_the_others_stay_whole(made):
    store = Store()
    for one in made:
        store.run(one)
    before = store.there
    store.clean(set(), 1, "a")
    others = {s.made_by for run in store.runs if run.experiment == "b" for s in run.stages}
    assert others & before <= store.there


def test_what_nobody_needs_goes():
    store = Store()
    for keys in ({1, 2}, {1, 3}, {1, 4}):
        store.run(Made("a", frozenset(keys), "finished", False))
    store.clean(set(), 1, None)
    assert store.there == {"0-1", "2-4"}  # level 1 was computed by the first, for all of them


def test_unfinished_runs_stay_until_a_later_one_has_finished():
    store = Store()
    store.run(Made("a", frozenset({1}), "ended", False))
    store.clean(set(), 1, None)
    assert store.there == {"0-1"}
    store.run(Made("a", frozenset({2}), "finished", False))
    store.clean(set(), 1, None)
    assert store.there == {"1-2"}


def stage(key: str, finished: bool) -> StageRecord:
    return StageRecord(f"stage {key}", key, finished, f"stage {key}", weights=finished)


def test_checkpoints_stay_while_somebody_may_go_on_with_them():
    old = RunRecord("old", "a", "ended", 0, (stage("x", False), stage("y", False)))
    finished = RunRecord("finished", "a", "finished", 1, (stage("z", True),))
    killed = RunRecord("killed", "a", "ended", 2, (stage("y", False),))
    assert cleanable([old, finished, killed], set(), 1).checkpoints == {"x"}


@pytest.mark.parametrize("state", ["running", "ended"])
def test_the_run_that_one_in_progress_or_to_be_gone_on_with_starts_from_stays(state):
    first = RunRecord("first", "a", "finished", 0, (stage("x", True),))
    second = RunRecord("second", "a", "finished", 1, (stage("y", True),))
    warm = RunRecord("warm", "b", state, 2, (), started_from="first")
    assert not cleanable([first, second, warm], set(), 1).stages
    assert cleanable([first, second], set(), 1).stages == {"stage x"}
