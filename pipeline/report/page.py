"""The report of a run: one HTML file that needs no network, and its figures."""

import base64
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pipeline.data.page import DataPage
from pipeline.evaluation.metrics import NAMES
from pipeline.evaluation.summary import Summary
from pipeline.report import alt_texts, figures
from pipeline.report.data_html import TEMPLATES
from pipeline.report.facts import Facts
from pipeline.report.recommendation import (
    RunCosts,
    cost_table,
    exported_sentence,
    pretraining_sentence,
    recommendation_sentences,
    recommendations,
    rule_sentence,
)
from pipeline.report.section import Section, TableSection, png
from pipeline.report.tables import headline, notes, seed_count, tables
from pipeline.report.verdict import verdict_sentence
from pipeline.tasks.metric import Reliability


class TrialDiagnostics(NamedTuple):
    """What the trials of a run show beside their scores."""

    confusion: Mapping[str, np.ndarray]
    """For each arm shown: counts by true class (rows) and predicted class (columns)."""
    calibration: Mapping[str, Reliability]
    """For each arm shown, where there are probabilities."""
    labels: int
    """The label budget that both are of."""
    moved: Mapping[str, Mapping[int, Sequence[float]]]
    """For each arm and label budget: the distance that each level's weights moved."""


def comparison_sections(summary: Summary, trials: TrialDiagnostics) -> list[Section]:
    """Scores, paired differences, confusion, and what fine-tuning changed."""
    rows, metric = summary["comparison"], summary["metric"]
    several = seed_count(summary) > 1
    sections = [
        Section(
            "scores",
            f"{NAMES[metric]} over labels" if rows[-1]["labels"] else f"{NAMES[metric]} by arm",
            "Mean over seeds on the test rows, with its 95 % interval. Intervals of two arms may "
            "overlap although their paired difference is clear: see below."
            if several
            else "On the test rows, for one seed.",
            alt_texts.scores_text(rows, metric),
            png(figures.scores_over_labels(rows, metric)),
        )
    ]
    paired = [row for row in rows if row["gain"]]
    if paired and several:
        sections.append(
            Section(
                "gains",
                "Gain, seed by seed",
                "Each dot is pretrained minus random for one seed: same labels, same head, same "
                "batches. The square is their mean with its 95 % interval.",
                alt_texts.gains_text(paired, metric),
                png(figures.paired_differences(paired, metric)),
            )
        )
    if trials.confusion:
        sections.append(
            Section(
                "confusion",
                f"Confusion matrix at {trials.labels:,} labels",
                "Test rows of all seeds: true classes downward, predicted classes across, in "
                "per cent of the true class.",
                alt_texts.confusion_text(trials.confusion, summary["data"]["classes"]),
                png(figures.confusion(trials.confusion, summary["data"]["classes"])),
            )
        )
    if trials.calibration:
        sections.append(
            Section(
                "calibration",
                f"Calibration at {trials.labels:,} labels",
                "Test rows of all seeds, by the probability given to what was predicted: points on "
                "the line are as often right as they say, points below it less often. Larger "
                "points are more rows.",
                alt_texts.calibration_text(trials.calibration),
                png(figures.calibration(trials.calibration)),
            )
        )
    if trials.moved:
        sections.append(
            Section(
                "movement",
                "What fine-tuning changed",
                "How far each level's weights moved from where they began (Euclidean distance as a "
                "share of their norm), mean over seeds. Weights that hardly move keep what "
                "pretraining gave them; the random arm beside it shows what is usual.",
                alt_texts.movement_text(trials.moved),
                png(figures.movement(trials.moved)),
            )
        )
    return sections


def report_html(
    summary: Summary,
    data: DataPage,
    sections: Sequence[Section | TableSection],
    costs: RunCosts,
    facts: Facts,
) -> str:
    """The whole report; figures are inside, so that the file stands alone."""
    metric = summary["metric"]
    recommended = recommendations(summary, costs.models)
    return TEMPLATES.get_template("page.html.j2").render(
        summary=summary,
        data=data,
        verdict=verdict_sentence(summary),
        headline=headline(summary),
        recommended=recommendation_sentences(recommended, metric),
        exported=facts.exported and exported_sentence(recommended, facts.exported),
        rule=rule_sentence(metric),
        cost=pretraining_sentence(costs),
        costs=cost_table(summary, costs.models),
        facts=facts,
        tables=tables(summary),
        notes=notes(summary),
        sections=[
            {**s._asdict(), "source": base64.b64encode(s.png).decode()}
            if isinstance(s, Section)
            else s._asdict()
            for s in sections
        ],
    )
