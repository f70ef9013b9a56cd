"""Rows in few dimensions: a picture of them in two, and what each number of dimensions keeps."""

from collections.abc import Mapping

import numpy as np

from pipeline.data.coloured import Colours
from pipeline.evaluation.metrics import NAMES
from pipeline.report import figures
from pipeline.report.section import Section, png

MOST = 1_000
"""Rows of the picture: t-SNE takes seconds for so many."""
LEAST = 10


def picture(codes: np.ndarray, colours: Colours, seed: int) -> Section:
    """Where rows lie by their codes (rows, dims).

    Neighbours among the codes are neighbours in the picture (t-SNE, van der Maaten and Hinton
    2008); how far groups are from one another means little.
    """
    from sklearn.manifold import TSNE

    codes, colours = codes[:MOST], colours._replace(values=colours.values[:MOST])
    places = codes[:, :2]
    if codes.shape[1] > 2 and len(codes) >= LEAST:
        perplexity = min(30.0, (len(codes) - 1) / 3)
        places = TSNE(init="pca", perplexity=perplexity, random_state=seed).fit_transform(codes)
    words = (
        f"{len(codes):,} test rows as dots"
        + ("" if colours.names == () else f", coloured by {colours.of}")
        + ": those whose codes are alike lie together (t-SNE)."
    )
    return Section(
        "embedding",
        "The rows in two dimensions",
        f"Of the exported model. {words} How far groups lie from one another means little.",
        words,
        png(figures.scattered(places, colours)),
    )


def by_dimensions(scores: Mapping[str, Mapping[int, float]], metric: str) -> Section:
    """A score of each arm and reference model by the number of dimensions, mean over seeds."""
    dims = sorted({number for of_model in scores.values() for number in of_model})
    best = {
        number: max((of[number], model) for model, of in scores.items() if number in of)
        for number in dims
    }
    words = "; ".join(f"{model} is best in {number}" for number, (_, model) in best.items())
    return Section(
        f"dimensions_{metric}",
        f"{NAMES[metric]} over dimensions",
        "Mean over seeds, on test rows. Every point of an arm is of one code, of which the first "
        "so many units are read.",
        f"{NAMES[metric]} over the number of dimensions: {words}.",
        png(figures.scores_over_dimensions(scores, metric)),
    )
