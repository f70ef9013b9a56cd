"""What the gate decided, in the words that a report and MLflow's pages keep."""

from typing import Any

import pytest

from pipeline.report.gate import gate_decision

BETTER = "On 359 rows that were test rows for both, it is better: +6.7 points [+3.7, +9.6]."
WORSE = "On 359 rows that were test rows for both, it is worse: -6.7 points [-9.6, -3.7]."


def found(version: int, before: int | None, promoted: bool, *reasons: str) -> dict[str, Any]:
    return {
        "model": "digits",
        "version": version,
        "champion_before": before,
        "promoted": promoted,
        "reasons": list(reasons),
        "cached": False,
    }


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        (found(1, None, True, "There was no champion yet."),
         "Version 1 of digits became the champion. There was no champion yet."),
        (found(2, 1, True, BETTER),
         f"Version 2 of digits became the champion, instead of version 1. {BETTER}"),
        (found(3, 2, False, WORSE, "It is too large."),
         f"Version 3 of digits was not promoted; version 2 stayed the champion. {WORSE} It is too "
         "large."),
        (found(1, None, False, "It is too large."),
         "Version 1 of digits was not promoted; there was no champion. It is too large."),
        (found(2, 2, False, "Version 2 is the champion already."),
         "Version 2 of digits stayed the champion, which it was already."),
    ],
)  # fmt: skip
def test_the_decision_is_said_with_its_version_and_reasons(gate, said):
    assert gate_decision(gate) == said


def test_the_decision_of_an_earlier_run_is_called_so():
    gate = found(2, 1, True, BETTER) | {"cached": True}
    assert gate_decision(gate).startswith("An earlier run decided: version 2 of digits became")
