"""How logits become probabilities and decisions, fitted on validation rows."""

from collections.abc import Mapping
from typing import NamedTuple


class Decision(NamedTuple):
    """By default logits are taken as they are, and what is more probable than one half."""

    temperature: float = 1.0
    """What logits are divided by (Guo et al. 2017)."""
    thresholds: tuple[float, ...] = ()
    """The probability from which the second of two classes is taken, or each label applies."""

    def to_metrics(self) -> dict[str, float]:
        """As a trial logs it."""
        numbered = {f"threshold_{n}": value for n, value in enumerate(self.thresholds, 1)}
        return {"temperature": self.temperature, **numbered}


AS_GIVEN = Decision()


def decision_from(metrics: Mapping[str, float]) -> Decision:
    """As a trial has logged it."""
    count = sum(name.startswith("threshold_") for name in metrics)
    thresholds = tuple(metrics[f"threshold_{n}"] for n in range(1, count + 1))
    return Decision(metrics.get("temperature", AS_GIVEN.temperature), thresholds)
