"""The tables and notes of a run: what they say of hand-set figures."""

from typing import Any

import pytest

from pipeline.report.tables import gain_table, headline, level_table, notes, saving_table, tables

LEVEL = {
    "units": 8, "epochs": 3, "reconstruction_error": 0.0123456, "explained_variance": 0.7,
    "active_fraction": 0.1, "dead_fraction": 0.0, "seconds": 1.23, "cached": False,
}  # fmt: skip
DATA = {
    "name": "made", "rows": 1000, "features": 4, "task": "classification", "classes": ["a", "b"],
    "pretrain_rows": 800, "train_rows": 700, "validation_rows": 100, "test_rows": 100, "notes": [],
}  # fmt: skip


def gain(scores: int, **changes: Any) -> dict[str, Any]:
    several = scores > 1
    return {
        "mean": 0.05, "ci95": [0.01, 0.09] if several else None,
        "p_value": 0.5 if several else None, "p_value_exact": several or None, "std": 0.02,
        "p_holm": 0.03 if several else None, "mcnemar": None,
    } | changes  # fmt: skip


def summary(seeds: int = 2, labels: int = 50, stacks: int = 1, **changes: Any) -> dict[str, Any]:
    def arm(score: float) -> dict[str, Any]:
        return {"accuracy": [score] * seeds, "mean": score, "std": 0.01}

    row = {
        "labels": labels,
        "arms": {"pretrained": arm(0.8), "random": arm(0.75)},
        "gain": gain(seeds),
        "against": {},
        "verdict": "helps" if seeds > 1 else "no evidence",
        "correlation": None,
    }
    return {
        "metric": "accuracy", "data": DATA, "layers": [LEVEL], "comparison": [row],
        "label_saving": [], "pretrain_seeds": stacks, "shortened": None, "missing": [],
    } | changes  # fmt: skip


@pytest.mark.parametrize(
    ("task", "classes", "words"),
    [
        ("classification", ["a", "b"], "2 classes"),
        ("multilabel", ["a", "b", "c"], "3 labels"),
        ("regression", [], "a number to predict"),
    ],
)
def test_the_headline_says_what_is_predicted(task, classes, words):
    found = headline(summary(data=DATA | {"task": task, "classes": classes}))
    assert found == (
        f"made: 1,000 rows, 4 features, {words}; 800 pretraining, 100 validation, 100 test"
    )


def test_a_gain_is_shown_with_its_interval_p_and_verdict():
    table = gain_table(summary())
    assert table.title == "Fine-tuning, accuracy in %, mean ± standard deviation over 2 seeds"
    assert table.rows == [
        ("50", "80.0 ± 1.0", "75.0 ± 1.0", "+5.0", "[+1.0, +9.0]", "0.03", "helps")
    ]


def test_one_seed_has_no_standard_deviation_that_could_be_taken_for_certainty():
    table = gain_table(summary(seeds=1))
    assert table.title.endswith("one seed")
    assert table.rows == [("50", "80.0", "75.0", "+5.0", "one seed", "-", "no evidence")]


def test_one_arm_alone_has_no_columns_for_a_gain():
    alone = summary()
    del alone["comparison"][0]["arms"]["random"]
    alone["comparison"][0]["gain"] = None
    assert gain_table(alone).columns == ("labels", "pretrained")
    assert gain_table(alone).rows == [("50", "80.0 ± 1.0")]
    assert "Gain:" not in " ".join(notes(alone))


def test_a_level_that_was_taken_from_the_store_says_so():
    found = summary(layers=[LEVEL | {"cached": True}], stacks=2)
    table = level_table(found)
    assert table.title.endswith("mean over 2 stacks")
    assert table.rows == [("1", "8", "3", "0.01235", "0.700", "0.100", "0.000", "cached")]


def test_what_a_time_limit_left_out_is_said_first():
    missing = [{"labels": 1000, "arm": arm, "seeds": [3, 4]} for arm in ("pretrained", "random")]
    first, *_ = notes(summary(shortened="The limit left no time for: 4 trials.", missing=missing))
    assert first.startswith("The limit left no time for: 4 trials. ")
    assert "1,000 labels: pretrained (3, 4), random (3, 4)." in first


def saved(labels: int, equals: float, bound: str | None, *interval: float) -> dict[str, Any]:
    times = equals / labels
    ends = list(interval) or None
    return {"labels": labels, "equals": equals, "bound": bound, "ci95": ends, "times": times}


def test_label_saving_beyond_the_budgets_is_a_bound():
    found = summary(label_saving=[
        saved(50, 80.0, None, 50.0, 100.0), saved(60, 100.0, "at least"),
        saved(70, 100.0, "at least", 100.0, 100.0), saved(80, 50.0, "at most", 50.0, 50.0),
        saved(100, 100.0, "at least", 80.0, 100.0),
    ])  # fmt: skip
    assert saving_table(found).rows == [
        ("50", "80", "[≤ 50, ≥ 100]", "1.6"),
        ("60", "≥ 100", "one seed", "≥ 1.7"),
        ("70", "≥ 100", "all of it ≥ 100", "≥ 1.4"),
        ("80", "≤ 50", "all of it ≤ 50", "≤ 0.6"),
        ("100", "≥ 100", "[80, ≥ 100]", "≥ 1.0"),
    ]


def test_a_budget_whose_saving_is_not_known_has_a_sentence_and_no_row():
    found = summary(label_saving=[
        saved(50, 50.0, "at most", 50.0, 200.0), saved(200, 200.0, "at least", 200.0, 200.0),
    ])  # fmt: skip
    assert saving_table(found).rows == []
    assert not [table for table in tables(found) if table.title == "Label saving"]
    words = " ".join(notes(found))
    assert "What 50 labels save is not known: it takes label budgets below 50." in words
    assert "What 200 labels save is not known: it takes label budgets above 200." in words


def test_tables_without_content_are_left_out():
    assert len(tables(summary())) == 2
    assert len(tables(summary(label_saving=[saved(50, 80.0, None)]))) == 3


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (summary(stacks=2), "Each seed has a stack of its own: the verdict is on pretraining."),
        (summary(), "2 seeds share 1 pretrained stack: the verdict is on that stack alone, not on "
         "pretraining. Set pretrain_seeds to 2."),
        (summary(seeds=5, stacks=3), "5 seeds share 3 pretrained stacks: the verdict is on those"),
        (summary(seeds=1), "One seed has no interval and no verdict: set finetune.seeds."),
        (summary(), "100 further labels choose the encoder's rate and the checkpoint."),
        (summary(labels=750), "A budget above 700 trains on them too"),
        (summary(layers=[LEVEL, LEVEL | {"explained_variance": -5.441}]),
         "Level 2 reconstructs validation rows worse than their mean would (explained variance "
         "-5.44)"),
        (summary(data=DATA | {"notes": ["Integers become equal."]}), "Integers become equal."),
        (summary(data=DATA | {"notes": [str(n) for n in range(1005)]}),
         "4 1,000 more notes: layerwise data."),
        (summary(), "Labels are drawn with the class shares of all training rows."),
    ],
)  # fmt: skip
def test_the_notes_say_what_the_tables_do_not_show(found, words):
    assert words in " ".join(notes(found))


def test_the_notes_raise_nothing_that_is_not_there():
    words = " ".join(notes(summary(stacks=2)))
    assert "A budget above" not in words
    assert "verdict is on" not in " ".join(notes(summary(seeds=1)))
    assert "sign-flip" not in words
    assert "worse than their mean" not in words
    assert "McNemar" not in words


def test_a_single_seed_is_compared_row_by_row():
    found = summary(seeds=1)
    mcnemar = {"pretrained_only": 12, "random_only": 1, "p_value": 0.0034}
    found["comparison"][0]["gain"]["mcnemar"] = mcnemar
    assert (
        "50 labels: of the test rows 12 are predicted correctly with pretraining only, 1 "
        "without it only (McNemar's test: p 0.0034)." in notes(found)
    )


@pytest.mark.parametrize(
    ("exact", "test"), [(True, "the exact sign-flip test"), (False, "a sign-flip test of patterns")]
)
def test_a_gain_without_spread_names_its_test(exact, test):
    found = summary(seeds=10)
    found["comparison"][0]["gain"] |= {
        "ci95": None, "p_value": 0.002, "p_value_exact": exact, "p_holm": 0.0
    }  # fmt: skip
    assert gain_table(found).rows[0][-3:] == ("no spread", "< 0.001", "helps")
    assert f"Where all seeds gain the same, p is of {test}" in " ".join(notes(found))


def test_where_no_label_is_needed_no_table_speaks_of_any():
    found = summary(labels=0)
    assert "labels" not in gain_table(found).columns
    assert gain_table(found).rows[0][0] == gain_table(summary()).rows[0][1]
