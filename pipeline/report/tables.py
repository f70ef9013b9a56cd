"""The tables and notes that sum a run up, as text: the terminal and the report show the same."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.config.arms import CANDIDATE, CONTROL
from pipeline.counting import counted
from pipeline.evaluation.metrics import METRICS, WORDS
from pipeline.evaluation.summary import Summary
from pipeline.evaluation.units import score_text
from pipeline.tasks import task_named

NOTES = 5


class TextTable(NamedTuple):
    """A table of text; the column `arm` is aligned left, all others right."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]


def by_labels(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> TextTable:
    """A table whose first column are label budgets, which is left out where none is needed."""
    if all(row[0] == "0" for row in rows):
        return TextTable(title, columns[1:], [row[1:] for row in rows])
    return TextTable(title, columns, rows)


def tables(summary: Summary) -> list[TextTable]:
    """Levels, gains, other arms and label saving, as far as the run has them."""
    found = [level_table(summary), gain_table(summary)]
    if any(row["against"] for row in summary["comparison"]):
        found.append(other_table(summary))
    if (saving := saving_table(summary)).rows:
        found.append(saving)
    return found


def headline(summary: Summary) -> str:
    """What the data is, in a line."""
    data = summary["data"]
    target = task_named(data["task"]).target_text(data["classes"])
    return (
        f"{data['name']}: {data['rows']:,} rows, {data['features']} features, {target}; "
        f"{data['pretrain_rows']:,} pretraining, {data['validation_rows']:,} validation, "
        f"{data['test_rows']:,} test"
        + (f", split anew for each of {seed_count(summary)} seeds" if is_resplit(summary) else "")
    )


def level_table(summary: Summary) -> TextTable:
    """How well each level was pretrained, a mean over the stacks."""
    stacks = summary["pretrain_seeds"]
    over = f", mean over {stacks} stacks" if stacks > 1 else ""
    return TextTable(
        f"Pretraining, measured on validation rows{over}",
        ("level", "units", "epochs", "error", "explained", "active", "dead", "seconds"),
        [
            (
                str(number),
                str(layer["units"]),
                str(layer["epochs"]),
                f"{layer['reconstruction_error']:.4g}",
                f"{layer['explained_variance']:.3f}",
                f"{layer['active_fraction']:.3f}",
                f"{layer['dead_fraction']:.3f}",
                "cached" if layer["cached"] else f"{layer['seconds']:.1f}",
            )
            for number, layer in enumerate(summary["layers"], 1)
        ],
    )


def gain_table(summary: Summary) -> TextTable:
    """Pretrained and random weights at each label budget, and the gain where both ran."""
    count = seed_count(summary)
    over = f"mean ± standard deviation over {count} seeds" if count > 1 else "one seed"
    found = {arm for row in summary["comparison"] for arm in row["arms"]}
    arms = [arm for arm in (CANDIDATE, CONTROL) if arm in found]
    compared = len(arms) == 2
    rows = []
    for row in summary["comparison"]:
        cells = [f"{row['labels']:,}", *(mean_std(row["arms"].get(arm), summary) for arm in arms)]
        if compared:
            corrected = row["gain"] and row["gain"]["p_holm"]
            cells += [
                *gain_cells(row["gain"], summary["metric"], count),
                "-" if corrected is None else p_text(corrected),
                row["verdict"] or "-",
            ]
        rows.append(tuple(cells))
    verdict = ("gain", "95 % interval", "p", "verdict") if compared else ()
    return by_labels(
        f"{task_named(summary['data']['task']).training}, {WORDS[summary['metric']]}, {over}",
        ("labels", *arms, *verdict),
        rows,
    )


def other_table(summary: Summary) -> TextTable:
    """What the pretrained stack gains over each further arm."""
    count = seed_count(summary)
    return by_labels(
        f"Pretrained against others, {WORDS[summary['metric']]}",
        ("labels", "arm", "its score", "pretrained gains", "95 % interval"),
        [
            (
                f"{row['labels']:,}",
                arm,
                mean_std(row["arms"][arm], summary),
                *gain_cells(gain, summary["metric"], count),
            )
            for row in summary["comparison"]
            for arm, gain in row["against"].items()
        ],
    )


def saving_table(summary: Summary) -> TextTable:
    """At how many labels random weights score what the pretrained stack does.

    A budget of which nothing is known is left out: see `_unknown_saving`.
    """
    budgets = [row["labels"] for row in summary["label_saving"]]
    rows: list[tuple[str, ...]] = []
    for row in summary["label_saving"]:
        if _says_nothing(row, budgets):
            continue
        sign = {"at most": "≤ ", "at least": "≥ ", None: ""}[row["bound"]]
        rows.append(
            (
                f"{row['labels']:,}",
                f"{sign}{row['equals']:,.0f}",
                _saving_interval(row["ci95"], budgets),
                f"{sign}{row['times']:.1f}",
            )
        )
    return TextTable(
        "Label saving", ("pretrained at", "equals random at", "95 % interval", "times"), rows
    )


def _saving_interval(interval: Sequence[float] | None, budgets: Sequence[int]) -> str:
    """An interval of numbers of labels; nothing is known beyond the budgets that ran."""
    if not interval:
        return "one seed"
    least, most = budgets[0], budgets[-1]
    if interval[0] >= most:
        return f"all of it ≥ {most:,}"
    if interval[1] <= least:
        return f"all of it ≤ {least:,}"
    low = f"≤ {least:,}" if interval[0] <= least else f"{interval[0]:,.0f}"
    high = f"≥ {most:,}" if interval[1] >= most else f"{interval[1]:,.0f}"
    return f"[{low}, {high}]"


def _says_nothing(row: Mapping[str, Any], budgets: Sequence[int]) -> bool:
    """Whether all that is known of the least budget is that it equals no more, or of the greatest.

    That is so where random weights reach its score nowhere inside the budgets that ran, and the
    interval has no end inside them either.
    """
    end = {"at most": budgets[0], "at least": budgets[-1], None: None}[row["bound"]]
    ends = set(row["ci95"] or ())
    return bool(row["labels"] == end and ends <= {budgets[0], budgets[-1]})


def _unknown_saving(summary: Summary) -> list[str]:
    """Of which budgets the runs do not tell what they save, and what would."""
    budgets = [row["labels"] for row in summary["label_saving"]]
    unknown = [row for row in summary["label_saving"] if _says_nothing(row, budgets)]
    return [
        f"What {counted(row['labels'], 'label')} save is not known: it takes label budgets "
        f"{'above' if row['bound'] == 'at least' else 'below'} {row['labels']:,}."
        for row in unknown
    ]


def notes(summary: Summary) -> list[str]:
    """What the tables mean and what they do not show, a paragraph each."""
    sentences = [*_gain(summary), stacks_sentence(summary), *_labels(summary)]
    meaning = " ".join(sentence for sentence in sentences if sentence)
    return [
        *_shortened(summary),
        meaning,
        *_unknown_saving(summary),
        *_single_seed(summary),
        *_poor_levels(summary),
        *_of_data(summary),
    ]


def _shortened(summary: Summary) -> list[str]:
    """What a time limit left out: first of all, since no table is whole then."""
    if not summary["shortened"]:
        return []
    budgets: dict[int, list[str]] = {}
    for row in summary["missing"]:
        seeds = ", ".join(map(str, row["seeds"]))
        budgets.setdefault(row["labels"], []).append(f"{row['arm']} ({seeds})")
    missing = [f"{labels:,} labels: {', '.join(arms)}" for labels, arms in budgets.items()]
    if not missing:
        return [summary["shortened"]]
    return [
        f"{summary['shortened']} A label budget whose pairs are not complete has no verdict yet "
        f"(`incomplete`). Missing, with seeds in brackets: {'; '.join(missing)}."
    ]


def stacks_sentence(summary: Summary) -> str:
    """What the verdict is about: pretraining, or stacks that seeds share; empty without a verdict.

    A shared stack's luck is the same in every seed, so that no interval over seeds covers it.
    """
    count, stacks = seed_count(summary), summary["pretrain_seeds"]
    if count == 1 or not any(row["gain"] for row in summary["comparison"]):
        return ""
    if is_resplit(summary):
        return (
            f"The rows were split anew for each of {count} seeds, each with a stack of its own: "
            "the verdict is on pretraining, and not on one split."
        )
    if stacks == count:
        return "Each seed has a stack of its own: the verdict is on pretraining."
    shared = "1 pretrained stack" if stacks == 1 else f"{stacks} pretrained stacks"
    those = "that stack" if stacks == 1 else "those stacks"
    return (
        f"{count} seeds share {shared}: the verdict is on {those} alone, not on pretraining. Set "
        f"pretrain_seeds to {count}."
    )


def _gain(summary: Summary) -> list[str]:
    gains = [row["gain"] for row in summary["comparison"] if row["gain"]]
    if not gains:
        return []
    if seed_count(summary) == 1:
        return [
            f"Gain: {_difference(summary)} on the test rows. One seed has no interval and no "
            "verdict: set finetune.seeds."
        ]
    shared = ", widened for the rows that splits share" if is_resplit(summary) else ""
    sentences = [
        f"Gain: {_difference(summary)} on the test rows, paired by seed; 95 % interval of its mean "
        f"by Student's t{shared}; p: of that test, corrected for the number of label budgets "
        "(Holm); the verdict follows from p."
    ]
    flat = [gain for gain in gains if not gain["ci95"] and gain["p_value"] is not None]
    if flat:
        exact = all(gain["p_value_exact"] for gain in flat)
        test = "the exact sign-flip test" if exact else "a sign-flip test of patterns drawn"
        sentences.append(f"Where all seeds gain the same, p is of {test}.")
    return sentences


def _difference(summary: Summary) -> str:
    less = METRICS[summary["metric"]].less_is_better
    return "random minus pretrained, for less is better," if less else "pretrained minus random"


def _labels(summary: Summary) -> list[str]:
    """Which labels the arms know beside those of their budget."""
    data = summary["data"]
    task = task_named(data["task"])
    if not task.needs_labels:
        return [task.drawing]
    sentences = [
        f"In every arm alike, {data['validation_rows']:,} further labels choose the encoder's rate "
        "and the checkpoint."
    ]
    if any(row["labels"] > data["train_rows"] for row in summary["comparison"]):
        sentences.append(
            f"A budget above {data['train_rows']:,} trains on them too, and they then choose the "
            "rate alone."
        )
    return [*sentences, task.drawing]


def _of_data(summary: Summary) -> list[str]:
    """What the data lost in reading and scaling: the first few notes of `layerwise data`."""
    lost = summary["data"]["notes"]
    if len(lost) <= NOTES:
        return [*lost]
    return [*lost[:NOTES], f"{counted(len(lost) - NOTES, 'more note')}: layerwise data."]


def _single_seed(summary: Summary) -> list[str]:
    """For one seed: how often the two networks differ on the test rows."""
    return [
        f"{row['labels']:,} labels: of the test rows {found['pretrained_only']:,} are predicted "
        f"correctly with pretraining only, {found['random_only']:,} without it only (McNemar's "
        f"test: p "
        f"{p_text(found['p_value'])})."
        for row in summary["comparison"]
        if (found := row["gain"] and row["gain"]["mcnemar"])
    ]


def _poor_levels(summary: Summary) -> list[str]:
    """Levels that learned nothing: no verdict on pretraining can stand on them."""
    return [
        f"Level {number} reconstructs validation rows worse than their mean would (explained "
        f"variance {layer['explained_variance']:.2f}): it learned nothing to build on. Train it "
        "longer, with less corruption, or with a weaker penalty."
        for number, layer in enumerate(summary["layers"], 1)
        if layer["explained_variance"] < 0
    ]


def is_resplit(summary: Summary) -> bool:
    """Whether each seed split the rows anew."""
    return any(row["correlation"] is not None for row in summary["comparison"])


def seed_count(summary: Summary) -> int:
    """How many seeds the run had."""
    return max(
        len(scores[summary["metric"]])
        for row in summary["comparison"]
        for scores in row["arms"].values()
    )


def mean_std(scores: Mapping[str, Any] | None, summary: Summary) -> str:
    """An arm's mean, with its standard deviation where there are several seeds."""
    if scores is None:
        return "-"
    mean = score_text(scores["mean"], summary["metric"])
    several = len(scores[summary["metric"]]) > 1
    return f"{mean} ± {score_text(scores['std'], summary['metric'])}" if several else mean


def gain_cells(gain: Mapping[str, Any] | None, metric: str, seeds: int) -> tuple[str, str]:
    """A gain and its interval."""
    if gain is None:
        return "-", "-"
    if gain["ci95"]:
        low, high = (score_text(end, metric, "+") for end in gain["ci95"])
        shown = f"[{low}, {high}]"
    else:
        shown = "one seed" if seeds == 1 else "no spread"
    return score_text(gain["mean"], metric, "+"), shown


def p_text(value: float) -> str:
    """A p-value with two digits."""
    return f"{value:.2g}" if value >= 1e-3 else "< 0.001"
