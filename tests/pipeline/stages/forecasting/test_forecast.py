"""What a run is foretold to compute, where an earlier one of nearly the same config is there."""

from pipeline.config.loading import check
from pipeline.stages.forecasting.forecast import forecast


def computed(config) -> list[str]:
    """The stages that are not in the cache."""
    return [entry.name for entry in forecast(config, refresh=False).entries if not entry.cached]


def test_of_a_run_that_is_there_nothing_is_computed_again(digits_home):
    assert computed(digits_home.config) == []


def test_a_changed_gate_is_foretold_with_the_report_that_comes_after_it(digits_home):
    changed = digits_home.config.model_dump(mode="json") | {"gate": {"margin": 0.5}}
    assert computed(check(changed)) == ["gate", "report"]
