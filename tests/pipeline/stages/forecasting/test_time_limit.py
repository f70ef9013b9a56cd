"""Which levels and trials may begin when a run has a time limit, and what is said of the others."""

import time
from dataclasses import replace

import pytest

from pipeline.config.schema import RunConfig
from pipeline.stages.base import Outcome
from pipeline.stages.forecasting.time_limit import TimeLimit
from pipeline.stages.plan import Plan, check_data

DONE = Outcome("", "", {}, False)


@pytest.fixture(scope="module")
def plan() -> Plan:
    """Two levels, three stacks, two label budgets."""
    return check_data(
        RunConfig.model_validate(
            {
                "name": "limited",
                "data": {"source": "digits"},
                "stack": [{"units": 8}, {"units": 4}],
                "finetune": {"seeds": 3, "label_budgets": [50, 100], "references": []},
            }
        )
    )


def limit(plan: Plan, seconds: float) -> TimeLimit:
    """A level takes 100 s, a trial 10, what comes after the trials 5 together."""
    takes = {trial.name: 10.0 for trial in plan.trials}
    takes |= {"compare": 2, "export": 1, "gate": 0.5, "report": 1.5}
    for stack in range(3):
        takes |= {plan.level(stack, number, ()).name: 100.0 for number in (1, 2)}
    return TimeLimit("1h", time.time() + seconds, takes)


def arms(plan: Plan) -> int:
    return len({trial.arm for trial in plan.trials})


def test_a_stack_begins_if_it_and_its_trials_at_the_first_budget_end_in_time(plan: Plan):
    needed = 200 + 10 * arms(plan) + 5
    assert limit(plan, needed + 1).allows_level(plan, 0, 1)
    assert not limit(plan, needed - 1).allows_level(plan, 0, 1)
    assert limit(plan, needed - 99).allows_level(plan, 0, 2)
    assert not limit(plan, needed + 1).allows_level(plan, 1, 1)  # and those of the first stack


def test_what_is_cached_takes_no_time(plan: Plan):
    assert replace(limit(plan, 1), seconds={}).allows_level(plan, 2, 1)


def test_a_trial_begins_if_it_and_the_report_end_in_time(plan: Plan):
    latest = limit(plan, 100).latest_start(plan.trials[0])
    assert latest == pytest.approx(time.time() + 100 - 10 - 5, abs=1)
    assert TimeLimit().latest_start(plan.trials[0]) is None


def test_only_the_best_of_all_is_exported(plan: Plan):
    done = [(trial, DONE) for trial in plan.trials]
    assert limit(plan, 10).allows_export(plan, done)
    assert not limit(plan, 10).allows_export(plan, done[: -arms(plan)])
    assert not limit(plan, 4.5).allows_export(plan, done)  # the report comes after it


def test_what_is_missing_is_counted(plan: Plan):
    done = [(trial, DONE) for trial in plan.trials]
    assert limit(plan, 10).shortened(plan, 3, done, True) is None
    text = limit(plan, 10).shortened(plan, 2, done[:4], False)
    assert text.startswith(
        "The time limit of 1h left no time for: 1 of 3 stacks, "
        f"{len(done) - 4} of {len(done)} trials, the export."
    )
    assert "nothing to compare yet" in limit(plan, 10).shortened(plan, 0, [], False)


def test_the_trials_that_are_missing_are_part_of_the_comparison(plan: Plan):
    done = [(trial, DONE) for trial in plan.trials]
    part = plan.comparison(done[:4])
    assert part.settings.missing == plan.trials[4:]
    assert plan.comparison(done).settings.missing == ()
