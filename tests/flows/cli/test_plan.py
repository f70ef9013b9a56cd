"""The table of `compare --plan`: how many seeds would show a gain."""

from collections.abc import Callable
from typing import Any

import pytest

from flows.cli.tables import print_plan
from pipeline.evaluation.compare import seeds_needed


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Callable[..., list[list[str]]]:
    """The words of each line printed for gains at 10 labels, 20, ..."""

    def lines(*gains: dict[str, Any]) -> list[list[str]]:
        rows = [{"labels": 10 * number, "gain": gain} for number, gain in enumerate(gains, 1)]
        summary: Any = {"metric": "accuracy", "comparison": rows}
        print_plan(summary, 2.0)
        return [line.split() for line in capsys.readouterr().out.splitlines()]

    return lines


def test_points_of_the_table_are_shares_of_the_scores(printed):
    shown = printed({"std": 0.015, "p_value": 0.1}, {"std": 0.03, "p_value": 0.1})
    assert ["Seeds", "to", "see", "a", "gain", "of", "2", "points"] in shown
    assert ["10", "1.5", str(seeds_needed(0.02, 0.015, 2))] in shown
    assert ["20", "3.0", str(seeds_needed(0.02, 0.03, 2))] in shown


def test_no_spread_is_not_called_one_seed(printed):
    shown = printed({"std": 0.0, "p_value": 0.002}, {"std": 0.0, "p_value": None})
    assert ["10", "no", "spread", "-"] in shown
    assert ["20", "one", "seed", "-"] in shown


def test_no_line_of_a_table_ends_in_spaces_or_is_indented(capsys: pytest.CaptureFixture[str]):
    labels, gain = 10, {"std": 0.015, "p_value": 0.1}
    summary: Any = {"metric": "accuracy", "comparison": [{"labels": labels, "gain": gain}]}
    print_plan(summary, 2.0)
    title, columns, rule, row, empty, *_ = capsys.readouterr().out.splitlines()
    assert title == "Seeds to see a gain of 2 points"
    assert columns == "labels  standard deviation of the gain  seeds"
    assert rule == "─" * len(columns)
    assert row.startswith("    10 ") and row == row.rstrip()
    assert len(row) == len(columns)
    assert empty == ""
