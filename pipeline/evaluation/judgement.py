"""Whether a new model may take the place of the champion, and why."""

from typing import Literal, NamedTuple

from pipeline.config.gate import GateConfig
from pipeline.evaluation.common_rows import Difference
from pipeline.evaluation.metrics import METRICS, UNITS_OF_THE_TARGET
from pipeline.evaluation.units import gain_unit, score_text

Told = Literal["not worse", "worse", "unknown"]


class Candidate(NamedTuple):
    """What is asked of a new model beside its score."""

    verdict: str | None
    """On pretraining, at its label budget; None where nothing was compared."""
    latency_ms: float
    size_mb: float


class Judgement(NamedTuple):
    """What the gate says of a model."""

    passed: bool
    reasons: tuple[str, ...]
    """Sentences: all that speaks against it; where nothing does, what speaks for it."""


def told(interval: tuple[float, float] | None, margin: float) -> Told:
    """What the interval of a difference says: on which side of minus the margin it lies.

    A model that is worse by the margin or more is called `not worse` in one of 40 comparisons at
    most, and one that is not so bad `worse` in as many.
    """
    if interval is None:
        return "unknown"
    low, high = interval
    return "not worse" if low > -margin else "worse" if high < -margin else "unknown"


def judge(
    gate: GateConfig,
    candidate: Candidate,
    champion: int | None,
    metric: str,
    compared: Difference | str | None,
) -> Judgement:
    """Hold a model against what is configured, and against the champion (a version, if any).

    `compared` says how they do on common test rows, or why that cannot be known.
    """
    against, speaks_for = list(_limits(gate, candidate)), []
    if champion is None:
        speaks_for.append("There was no champion yet.")
    else:
        found, sentence = _against_champion(gate, champion, metric, compared)
        if found == "worse" or (found == "unknown" and gate.cannot_compare == "refuse"):
            against.append(sentence)
        else:
            speaks_for.append(sentence)
    return Judgement(not against, tuple(against or speaks_for))


def _limits(gate: GateConfig, candidate: Candidate) -> list[str]:
    problems = []
    if gate.verdicts and candidate.verdict not in gate.verdicts:
        problems.append(
            f"The verdict on pretraining is {candidate.verdict or 'none'}; gate.verdicts allows "
            f"{', '.join(gate.verdicts)}."
        )
    if gate.latency_ms is not None and candidate.latency_ms > gate.latency_ms:
        problems.append(
            f"One row takes {candidate.latency_ms:.2f} ms; gate.latency_ms allows "
            f"{gate.latency_ms:g}."
        )
    if gate.size_mb is not None and candidate.size_mb > gate.size_mb:
        problems.append(
            f"The exported folder has {candidate.size_mb:.2f} MB; gate.size_mb allows "
            f"{gate.size_mb:g}."
        )
    return problems


def _against_champion(
    gate: GateConfig, champion: int, metric: str, compared: Difference | str | None
) -> tuple[Told, str]:
    config = f"gate.cannot_compare: {gate.cannot_compare}."
    if isinstance(compared, str):
        return "unknown", f"It cannot be compared with the champion: {compared} {config}"
    assert compared is not None
    margin = margin_of(gate, metric, compared)
    found = told(compared.interval, margin)
    if compared.interval is None:
        rows = f"{compared.rows} rows" if compared.rows else "no row"
        return found, (
            f"It cannot be compared with the champion, version {champion}: {rows} were test rows "
            f"for both. {config}"
        )
    unit = f" {gain_unit(metric)}"
    low, high = (score_text(end, metric, "+") for end in compared.interval)
    sentence = (
        f"On {compared.rows:,} rows that were test rows for both, {METRICS[metric].words} is "
        f"{score_text(compared.score, metric)}, the champion's (version {champion}) "
        f"{score_text(compared.other, metric)}: {score_text(compared.mean, metric, '+')}{unit} "
        f"[{low}, {high}]"
    )
    allowed = f"{score_text(margin, metric)}{unit}"
    match found:
        case "not worse" if compared.interval[0] > 0:
            return found, f"{sentence}, so better."
        case "not worse":
            return found, f"{sentence}, so not worse by more than {allowed}."
        case "worse":
            return found, f"{sentence}, so worse by more than {allowed}."
        case _:
            return found, (
                f"{sentence}. These rows do not tell whether it is worse by more than {allowed}; "
                f"more rows or a larger gate.margin would. {config}"
            )


def margin_of(gate: GateConfig, metric: str, compared: Difference) -> float:
    """The margin in the units of the metric."""
    if metric in UNITS_OF_THE_TARGET:
        return gate.margin * abs(compared.other)
    return gate.margin
