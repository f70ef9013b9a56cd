"""The table of `compare --plan`: how many seeds would show a gain."""

from collections.abc import Callable
from typing import Any

import pytest

from flows.cli.tables import print_plan
from pipeline.evaluation.compare import seeds_needed


def row(labels: int, gain: dict[str, Any], seeds: int = 5) -> dict[str, Any]:
    arms = {"random": {"accuracy": [0.5] * seeds}}
    return {"labels": labels, "arms": arms, "gain": gain, "correlation": None}


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Callable[..., list[list[str]]]:
    """The words of each line printed for gains at 10 labels, 20, ..."""

    def lines(*gains: dict[str, Any], seeds: int = 5, **changes: Any) -> list[list[str]]:
        rows = [row(10 * number, gain, seeds) | changes for number, gain in enumerate(gains, 1)]
        summary: Any = {"metric": "accuracy", "comparison": rows}
        print_plan(summary, 2.0)
        return [line.split() for line in capsys.readouterr().out.splitlines()]

    return lines


def test_points_of_the_table_are_shares_of_the_scores(printed):
    shown = printed({"std": 0.015}, {"std": 0.03})
    assert ["Seeds", "to", "see", "a", "gain", "of", "2", "points"] in shown
    assert ["10", "1.5", str(seeds_needed(0.02, 0.015, 2))] in shown
    assert ["20", "3.0", str(seeds_needed(0.02, 0.03, 2))] in shown


def test_no_spread_is_not_called_one_seed(printed):
    assert ["10", "no", "spread", "-"] in printed({"std": 0.0})
    assert ["10", "one", "seed", "-"] in printed({"std": 0.0}, seeds=1)


def test_splits_that_share_rows_need_more_seeds_and_may_never_have_enough(printed):
    split = printed({"std": 0.015}, correlation=0.1)
    assert ["10", "1.5", str(seeds_needed(0.02, 0.015, 1, 0.1))] in split
    never = printed({"std": 0.05}, correlation=0.2)
    assert ["10", "5.0", "no", "number"] in never
    assert any(line[:3] == ["no", "number:", "splits"] for line in never)


def test_no_line_of_a_table_ends_in_spaces_or_is_indented(capsys: pytest.CaptureFixture[str]):
    summary: Any = {"metric": "accuracy", "comparison": [row(10, {"std": 0.015})]}
    print_plan(summary, 2.0)
    title, columns, rule, figures, empty, *_ = capsys.readouterr().out.splitlines()
    assert title == "Seeds to see a gain of 2 points"
    assert columns == "labels  standard deviation of the gain  seeds"
    assert rule == "─" * len(columns)
    assert figures.startswith("    10 ") and figures == figures.rstrip()
    assert len(figures) == len(columns)
    assert empty == ""
