"""The figures of a run's report. Each function draws one; nothing is computed here."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import TABLEAU_COLORS
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.config.arms import ARMS, CANDIDATE, CONTROL
from pipeline.counting import with_labels
from pipeline.data.coloured import Colours
from pipeline.evaluation.gain import half_interval
from pipeline.evaluation.metrics import PERCENT, WORDS, merit
from pipeline.evaluation.units import gain_unit, scale
from pipeline.tasks.metric import Reliability

WIDTH = 6.4
"""Of every figure, in inches: narrow, so that its text can be read on a phone."""
BINS = 40
ACROSS = 16
"""Images in a row of a grid."""
NUMBERED_CLASSES = 12
"""With no more classes the cells of a confusion matrix show numbers."""


def scores_over_labels(comparison: Sequence[Mapping[str, Any]], metric: str) -> Figure:
    """Mean score of each arm over the label budgets, with 95 % intervals over seeds."""
    figure, axes = _figure(4.5)
    arms = dict.fromkeys(arm for row in comparison for arm in row["arms"])
    taken = {arm.color for arm in ARMS.values()}
    others = iter(sorted(TABLEAU_COLORS, key=taken.__contains__))
    for number, arm in enumerate(arms):
        rows = [row for row in comparison if arm in row["arms"]]
        scores = [np.multiply(row["arms"][arm][metric], scale(metric)) for row in rows]
        # Side by side, so that intervals do not hide each other.
        aside = number - (len(arms) - 1) / 2
        labels = [row["labels"] * 1.02**aside or 0.02 * aside for row in rows]
        axes.errorbar(
            labels,
            [np.mean(s) for s in scores],
            yerr=[
                float(half_interval(s, row["correlation"] or 0.0))
                for s, row in zip(scores, rows, strict=True)
            ]
            if len(scores[0]) > 1
            else None,
            marker="o",
            markersize=4,
            capsize=3,
            label=arm,
            color=ARMS[arm].color if arm in ARMS else next(others),
            linestyle="-" if arm in ARMS else "--",
        )
    _label_axis(axes, comparison)
    axes.set_ylabel(WORDS[metric])
    if metric in PERCENT:  # an interval may reach beyond
        axes.set_ylim(top=min(axes.get_ylim()[1], 100.0))
    axes.legend()
    return figure


def paired_differences(comparison: Sequence[Mapping[str, Any]], metric: str) -> Figure:
    """Pretrained minus random for every seed, with the mean and its 95 % interval."""
    figure, axes = _figure(3.5)
    for position, row in enumerate(comparison):
        pretrained, random = (row["arms"][arm][metric] for arm in (CANDIDATE, CONTROL))
        differences = np.subtract(pretrained, random) * merit(metric, scale(metric))
        spread = np.linspace(-0.25, -0.1, len(differences))
        axes.plot(position + spread, differences, "o", color="tab:blue", alpha=0.7)
        mean = row["gain"]["mean"]
        interval = np.multiply(row["gain"]["ci95"] or [mean, mean], scale(metric))
        axes.vlines(position + 0.1, *interval, color="black")
        axes.plot(position + 0.1, mean * scale(metric), "s", color="black")
    axes.axhline(0, color="grey", linewidth=0.8)
    margin = 0.5 + 1 / len(comparison)  # so that one budget does not fill the width
    axes.set_xlim(-margin, len(comparison) - 1 + margin)
    _label_axis(axes, comparison, range(len(comparison)))
    axes.set_ylabel(f"gain in {gain_unit(metric)}")
    return figure


def learning_curves(histories: Mapping[str, Sequence[float]]) -> Figure:
    """What was measured of one level after each epoch, a panel for each metric."""
    down = -(-len(histories) // 2)
    figure = Figure(figsize=(WIDTH, 2.1 * down), layout="constrained")
    panels = figure.subplots(down, 2, squeeze=False).flat
    for (name, values), axes in zip(histories.items(), panels, strict=False):
        # The first epochs may lie far off, so that the last value is not read off the curve.
        axes.plot(np.arange(1, len(values) + 1), values)
        axes.set_title(f"{name.replace('_', ' ')}: {values[-1]:.3g} at the end", fontsize=10)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylim(*_around(values))
    for axes in list(panels):  # those left over
        axes.set_axis_off()
    return figure


def image_grid(images: np.ndarray, across: int = ACROSS) -> Figure:
    """Images (images, height, width) or (images, height, width, 3), each with its own range."""
    images = images.astype("float32")
    over_image = tuple(range(1, images.ndim))
    low = images.min(axis=over_image, keepdims=True)
    high = images.max(axis=over_image, keepdims=True)
    down = -(-len(images) // across)
    height, width, *colours = images.shape[1:]
    # One picture of all: matplotlib takes a tenth of a second for a panel.
    border = max(1, height // 14)
    cells = np.zeros((down * across, height + border, width + border, 4), "float32")
    scaled = (images - low) / np.maximum(high - low, 1e-12)
    drawn = cells[: len(images), :height, :width]
    drawn[..., :3] = scaled if colours else scaled[..., None]
    # What lies between them is transparent: paper is white, a screen may not be.
    drawn[..., 3] = 1.0
    rows = cells.reshape(down, across, *cells.shape[1:]).swapaxes(1, 2)
    whole = rows.reshape(down * cells.shape[1], across * cells.shape[2], 4)
    size = (WIDTH, WIDTH * whole.shape[0] / whole.shape[1])
    figure = Figure(figsize=size, layout="constrained", facecolor="none")
    axes = figure.subplots()
    axes.imshow(whole)
    axes.set_axis_off()
    return figure


def density(share: np.ndarray, rows: int) -> Figure:
    """How many units of a level are active for which share of the rows."""
    figure, axes = _figure(2.4)
    # The shares that can be, 0 to `rows` in `rows`, in bins of as many each: the first begins at 0,
    # the last ends at 1.
    bins = min(BINS, rows + 1)
    counts = np.bincount(np.rint(share * rows).astype(int) * bins // (rows + 1), minlength=bins)
    axes.bar(np.arange(bins) / bins, counts, 1 / bins, align="edge")
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of rows a unit is active for")
    axes.set_ylabel("units")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def confusion(matrices: Mapping[str, np.ndarray], classes: Sequence[str]) -> Figure:
    """A confusion matrix for each arm, as shares of each true class (rows)."""
    figure = Figure(figsize=(WIDTH, WIDTH / len(matrices)), layout="constrained")
    for axes, (name, matrix) in zip(
        figure.subplots(1, len(matrices), squeeze=False).flat, matrices.items(), strict=True
    ):
        shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axes.set_title(name, fontsize=10)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        axes.set_xticks(range(len(classes)), classes, rotation=90, fontsize=7)
        axes.set_yticks(range(len(classes)), classes, fontsize=7)
        if len(classes) <= NUMBERED_CLASSES:
            for (true, predicted), share in np.ndenumerate(shares):
                color = "white" if share > 0.5 else "black"
                axes.text(predicted, true, f"{100 * share:.0f}", ha="center", va="center",
                          fontsize=6, color=color)  # fmt: skip
    return figure


def calibration(curves: Mapping[str, Reliability]) -> Figure:
    """For each arm how often predictions are right over how sure they are."""
    figure, axes = _figure(4.0)
    axes.plot([0, 100], [0, 100], color="grey", linewidth=0.8)
    for arm, curve in curves.items():
        color = ARMS[arm].color
        axes.plot(100 * curve.confidence, 100 * curve.right, color=color, label=arm)
        axes.scatter(100 * curve.confidence, 100 * curve.right, 10 + 200 * curve.share, color=color)
    axes.set_xlim(100 * min(curve.confidence.min() for curve in curves.values()) - 3, 102)
    axes.set_xlabel("probability of what was predicted, in %")
    axes.set_ylabel("right, in %")
    axes.legend()
    return figure


def movement(moved: Mapping[str, Mapping[int, Sequence[float]]]) -> Figure:
    """For each arm and label budget how far fine-tuning moved each level's weights."""
    figure = Figure(figsize=(WIDTH, 2.8), layout="constrained")
    panels = figure.subplots(1, len(moved), squeeze=False, sharey=True).flat
    for axes, (arm, by_budget) in zip(panels, moved.items(), strict=True):
        width = 0.8 / len(by_budget)
        for number, (labels, levels) in enumerate(by_budget.items()):
            places = np.arange(len(levels)) + (number - (len(by_budget) - 1) / 2) * width
            axes.bar(places, levels, width, label=with_labels(labels))
        axes.set_xticks(range(len(levels)), [f"level {n + 1}" for n in range(len(levels))])
        axes.set_title(arm, fontsize=10)
    figure.axes[0].set_ylabel("distance moved / norm before")
    figure.axes[0].legend(fontsize=7)
    return figure


def _around(values: Sequence[float]) -> tuple[float, float]:
    """Limits of an axis that hold 0 and all values, with a margin around these."""
    low, high = min(0.0, *values), max(0.0, *values)
    margin = 0.05 * (high - low) or 0.05
    return low - margin, high + margin


def _figure(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def _label_axis(
    axes: Axes, comparison: Sequence[Mapping[str, Any]], places: Sequence[int] | None = None
) -> None:
    """Ticks at the label budgets; `places` are where they stand, else a logarithmic scale."""
    budgets = [row["labels"] for row in comparison]
    if budgets == [0]:
        axes.set_xticks([])
        return
    if places is None and budgets[0]:
        axes.set_xscale("log")
        axes.set_xlim(0.8 * min(budgets), 1.25 * max(budgets))
    elif places is None:  # a logarithm has no place for none
        axes.set_xscale("symlog", linthresh=budgets[1])
        axes.set_xlim(-0.3 * budgets[1], 1.25 * max(budgets))
    axes.set_xticks(budgets if places is None else places, [f"{labels:,}" for labels in budgets])
    axes.minorticks_off()
    axes.set_xlabel("labels")


def restored_lines(noisy: np.ndarray, given: np.ndarray, clean: np.ndarray) -> Figure:
    """Rows (rows, features) as lines over the features, a panel for each."""
    figure = Figure(figsize=(WIDTH, 1.6 * len(clean)), layout="constrained")
    panels = figure.subplots(len(clean), 1, squeeze=False, sharex=True).flat
    for axes, *row in zip(panels, noisy, given, clean, strict=True):
        axes.plot(row[0], ".", color="tab:orange", markersize=4, label="noisy")
        axes.plot(row[2], color="grey", linewidth=2.5, alpha=0.6, label="clean")
        axes.plot(row[1], color="tab:blue", linewidth=1.2, label="denoised")
    figure.axes[0].legend(fontsize=7)
    figure.axes[-1].set_xlabel("feature")
    return figure


def scattered(places: np.ndarray, colours: Colours) -> Figure:
    """Rows at places (rows, 2), with their colours."""
    figure, axes = _figure(WIDTH)
    palette, names = list(TABLEAU_COLORS), colours.names
    if names is None or len(names) > len(palette):
        dots = axes.scatter(places[:, 0], places[:, 1], s=8, c=colours.values, cmap="viridis")
        if names is None:
            figure.colorbar(dots, label=colours.of)
    else:
        for number, name in enumerate(names):
            here = places[colours.values == number]
            axes.scatter(here[:, 0], here[:, 1], s=8, color=palette[number], label=name)
        of_none = places[colours.values < 0]
        if len(of_none):
            label = f"no {colours.of}" if names else None
            axes.scatter(of_none[:, 0], of_none[:, 1], s=8, color="grey", label=label)
        if names:
            axes.legend(fontsize=7, markerscale=2)
    axes.set_xticks([])
    axes.set_yticks([])
    return figure


def scores_over_dimensions(scores: Mapping[str, Mapping[int, float]], metric: str) -> Figure:
    """A score of each model by the number of dimensions."""
    figure, axes = _figure(3.5)
    taken = {arm.color for arm in ARMS.values()}
    others = iter(sorted(TABLEAU_COLORS, key=taken.__contains__))
    for model, by_number in scores.items():
        dims = sorted(by_number)
        axes.plot(
            dims,
            [by_number[number] * scale(metric) for number in dims],
            "o-" if model in ARMS else "o--",
            markersize=4,
            color=ARMS[model].color if model in ARMS else next(others),
            label=model,
        )
    dims = sorted({number for of_model in scores.values() for number in of_model})
    axes.set_xscale("log")
    axes.set_xticks(dims, [f"{number:,}" for number in dims])
    axes.minorticks_off()
    axes.set_xlabel("dimensions")
    axes.set_ylabel(WORDS[metric])
    axes.legend(fontsize=8)
    return figure
