"""Every metric of every arm of a tracked run, as Markdown: mean and deviation over its seeds.

Usage: python -m benchmarks.applications.scores [RUN or EXPERIMENT]

For runs of tasks that need no label, of which the command prints the one metric that decides.
"""

import sys
from collections import defaultdict
from statistics import fmean, stdev

from pipeline.evaluation.metrics import METRICS, NAMES
from pipeline.evaluation.units import score_text
from pipeline.tracking.find import find

OTHERS = ("validation_", "moved_", "target_", "seconds")


def main(name: str | None) -> None:
    """Print the table."""
    tracker, run = find(name)
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for stage in tracker.children(run.run_id):
        if stage.tags["stage"] == "finetune":
            for metric, score in tracker.run(stage.made_by).metrics.items():
                if _metric(metric) in METRICS and not metric.startswith(OTHERS):
                    found[stage.tags["arm"]][metric].append(score)
    metrics = sorted({metric for of_arm in found.values() for metric in of_arm}, key=_order)
    print("| | " + " | ".join(map(_heading, metrics)) + " |")
    print("| - " + "| -: " * len(metrics) + "|")
    for arm, scores in found.items():
        cells = [_cell(scores.get(metric, []), _metric(metric)) for metric in metrics]
        print(f"| {arm} | {' | '.join(cells)} |")


def _metric(name: str) -> str:
    """Of a measure in so many dimensions, such as `explained_variance_8`, the metric alone."""
    return name.rstrip("0123456789").removesuffix("_") if name not in METRICS else name


def _order(name: str) -> tuple[int, int]:
    dims = name.removeprefix(_metric(name)).removeprefix("_")
    return list(METRICS).index(_metric(name)), int(dims or 0)


def _heading(name: str) -> str:
    dims = name.removeprefix(_metric(name)).removeprefix("_")
    return f"{NAMES[_metric(name)]}{f', {dims} dimensions' if dims else ''}"


def _cell(scores: list[float], metric: str) -> str:
    if not scores:
        return "-"
    spread = f" ± {score_text(stdev(scores), metric)}" if len(scores) > 1 else ""
    return f"{score_text(fmean(scores), metric)}{spread}"


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
