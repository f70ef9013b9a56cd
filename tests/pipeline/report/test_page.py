"""The report: one file that stands alone, with every figure, of what the run really found."""

import base64
import re
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import keras
import numpy as np
import pytest
import yaml
from matplotlib.image import imread

from flows.cli.data_page import print_data
from pipeline.config.loading import check
from pipeline.data.page import ColumnLine, DataPage
from pipeline.data.prepared import prepare
from pipeline.evaluation.summary import Summary
from pipeline.report.data_html import data_html
from pipeline.report.gate import gate_decision
from pipeline.report.page import TrialDiagnostics, comparison_sections
from pipeline.report.tables import notes, tables
from pipeline.report.verdict import verdict_sentence
from pipeline.stages.base import perform
from pipeline.stages.context import fail_run
from pipeline.stages.summary import DATA_PAGE, read_report
from tests.pipeline.whole_runs import Whole, call_stages


class Page(HTMLParser):
    """What a page holds: its text, its images and what they show by heading, and addresses."""

    def __init__(self, html: str):
        super().__init__()
        self.text = ""
        self.images: dict[str, bytes] = {}
        self.alts: dict[str, str] = {}
        self.addresses: list[str] = []
        self._heading = ""
        self._tag = ""
        self.feed(html)

    def handle_data(self, data):
        self.text += data
        if self._tag == "h2":
            self._heading += data

    def handle_starttag(self, tag, attrs):
        self._tag = tag
        if tag == "h2":
            self._heading = ""
        attributes = dict(attrs)
        source = attributes.get("src", "")
        if tag == "img" and source.startswith("data:image/png;base64,"):
            self.images[self._heading] = base64.b64decode(source.partition(",")[2])
            self.alts[self._heading] = attributes["alt"]
        elif source or attributes.get("href"):
            self.addresses.append(source or attributes["href"])

    def handle_endtag(self, tag):
        self._tag = ""


def page_of(whole: Whole) -> Page:
    tracker = whole.called.context.tracker
    return Page(read_report(tracker, tracker.run(whole.called.run.run_id)))


def test_the_report_of_images_has_every_figure(digits_home):
    page = page_of(digits_home)
    assert list(page.images) == [
        "Accuracy over labels",
        "Gain, seed by seed",
        "Confusion matrix at 40 labels",
        "Calibration at 40 labels",
        "What fine-tuning changed",
        "Level 1: learning curves",
        "Level 1: how often units are active",
        "Level 1: units",
        "Level 1: rows that excite a unit most",
        "Level 1: rows and their reconstructions",
        "Level 2: learning curves",
        "Level 2: how often units are active",
        "Level 2: units",
        "Level 2: rows that excite a unit most",
        "Level 2: rows and their reconstructions",
    ]
    for image in page.images.values():
        pixels = imread(BytesIO(image))[..., :3]
        assert pixels.shape[1] == 960  # 6.4 inches of 150 dots
        assert pixels.min() < 0.5 < pixels.max()
    assert sum(map(len, page.images.values())) < 400_000
    words = page.alts["Accuracy over labels"]
    for row in digits_home.summary["comparison"]:
        assert f"at {row['labels']} labels pretrained" in words
        for scores in row["arms"].values():
            assert f"{100 * scores['mean']:.1f}" in words
    assert re.search("loss from .* to ", page.alts["Level 1: learning curves"])
    assert len(set(page.alts.values())) == len(page.alts)  # each says what it alone shows


def test_the_report_needs_nothing_from_elsewhere(digits_home):
    (address,) = page_of(digits_home).addresses
    assert address.startswith("data:")


def test_the_config_in_the_report_repeats_the_run(digits_home):
    page = page_of(digits_home)
    content = base64.b64decode(page.addresses[0].removeprefix("data:text/yaml;base64,"))
    assert check(yaml.safe_load(content)) == digits_home.config
    assert "call layerwise run digits.yaml" in " ".join(page.text.split())


def test_the_report_says_what_to_use_and_at_what_cost(digits_home):
    words = " ".join(page_of(digits_home).text.split())
    for row in digits_home.summary["comparison"]:
        assert re.search(rf"At {row['labels']} labels use \w+ \(\d+\.\d %, ", words)
    assert re.search(r"Pretraining 2 stacks took \S+ (s|min), \d+ % of the", words)


def test_the_report_names_the_exported_network_with_its_scores(digits_home):
    words = " ".join(page_of(digits_home).text.split())
    called = digits_home.called
    exported = called.plan.export(called.stacks, called.trials).trial
    metrics = dict(called.trials)[exported].metrics
    assert (
        f"the network of the arm {exported.arm}, trained on {exported.labels} labels, seed "
        f"{exported.seed}" in words
    )
    assert (
        f"accuracy: {100 * metrics['validation_accuracy_kept']:.1f} % on the validation rows and "
        f"{100 * metrics['accuracy']:.1f} % on the test rows" in words
    )
    assert f"keras {keras.__version__}" in words
    assert called.run.run_id in words


def test_the_report_names_the_registered_version_and_what_the_gate_decided(digits_home):
    words = " ".join(page_of(digits_home).text.split())
    assert "xported, as version 1 of digits" in words
    assert "version 1 of digits: the network of the arm" in words
    decision = "Version 1 of digits became the champion. There was no champion yet."
    assert gate_decision(digits_home.summary["gate"]) == decision
    assert decision in words
    for command in ("status", "promote digits 1", "rollback digits"):
        assert f"layerwise {command}" in words


def test_the_report_begins_with_its_document_type(digits_home):
    tracker = digits_home.called.context.tracker
    report = read_report(tracker, tracker.run(digits_home.called.run.run_id))
    assert report.startswith("<!doctype html>\n<html")


def test_the_report_begins_with_the_verdict_and_its_figures(digits_home):
    page = page_of(digits_home)
    summary = digits_home.summary
    words = " ".join(page.text.split())
    assert verdict_sentence(summary) in words
    for row in summary["comparison"]:
        low, high = (f"{100 * end:+.1f}" for end in row["gain"]["ci95"])
        assert f"{100 * row['gain']['mean']:+.1f} [{low}, {high}]" in words


def test_the_report_has_every_table_and_note_of_the_terminal(digits_home):
    words = " ".join(page_of(digits_home).text.split())
    shown = tables(digits_home.summary)
    assert len(shown) == 4
    for table in shown:
        assert table.title in words
        for row in table.rows:
            assert " ".join(row) in words
    for note in notes(digits_home.summary):
        assert note in words


def test_every_figure_is_kept_with_its_own_stage_too(digits_home):
    called = digits_home.called
    client = called.context.tracker.client
    children = called.context.tracker.children(called.run.run_id)
    (compared,) = [child.run_id for child in children if child.tags["stage"] == "compare"]

    def pictures(run_id: str) -> dict[str, bytes]:
        folder = client.get_run(run_id).info.artifact_uri.removeprefix("file://")
        return {file.stem: file.read_bytes() for file in Path(folder, "pictures").iterdir()}

    of_levels = [pictures(level.run_id) for level in called.levels]
    of_trials = pictures(compared)
    names = ["curves", "density", "units", "exciting", "reconstructions"]
    for number, found in enumerate(of_levels, 1):
        assert set(found) == {f"level-{number}-{name}" for name in names}
    assert set(of_trials) == {"scores", "gains", "confusion", "calibration", "movement"}
    kept = {picture for found in (*of_levels, of_trials) for picture in found.values()}
    assert kept == set(page_of(digits_home).images.values())


def test_the_report_and_mlflow_have_the_page_of_layerwise_data(flowers_home, tmp_path, capsys):
    called = flowers_home.called
    print_data(called.context.data.description, "--data flowers.csv")
    terminal = capsys.readouterr().out
    tracker = called.context.tracker
    (stage,) = [
        child for child in tracker.children(called.run.run_id) if child.tags["stage"] == "data"
    ]
    in_mlflow = Page(tracker.artifact(stage.made_by, DATA_PAGE, tmp_path).read_text("utf-8"))
    for page in (page_of(flowers_home), in_mlflow):
        words = " ".join(page.text.split())
        for line in ("sepal_width number 17 23 2 to 4.4", "year category 0 2 2001 (75), 2002 (75)"):
            assert line in words
            assert line in " ".join(terminal.split())
        assert "flowers.csv: 150 rows, 6 columns as features" in words
        assert "To watch There are 150 labelled rows" in words
        counts = {name: len(rows) for name, rows in called.context.data.splits._asdict().items()}
        assert f"Split: {counts['train']} labelled rows to train on" in words
    assert in_mlflow.addresses == []


def test_names_in_the_data_are_text_in_its_page():
    hostile = "<script>alert(1)</script>"
    page = DataPage(
        [hostile],
        [ColumnLine(hostile, "number", "0", "2", hostile, hostile)],
        0,
        {"Decided": [hostile]},
    )
    assert Page(data_html(hostile, page)).text.count(hostile) == 7
    assert "<script>" not in data_html(hostile, page)


def test_a_picture_given_to_a_stage_leaves_its_model_intact(digits_home):
    called = digits_home.called
    tracker = called.context.tracker
    for level in called.levels:
        assert tracker.finished(level.key).run_id == level.run_id


def test_rows_that_are_no_images_are_not_drawn_as_such(flowers_home):
    titles = list(page_of(flowers_home).images)
    assert "Accuracy over labels" in titles
    assert not [title for title in titles if title.endswith(": units")]
    assert not [title for title in titles if "reconstructions" in title]


def test_units_of_a_table_are_told_in_words_of_its_columns(flowers_home):
    """In raw units: by what a unit changes, a column of numbers or the share of a category."""
    words = " ".join(page_of(flowers_home).text.split())
    _, _, shown = words.partition("Level 1: what units stand for")
    columns = ("sepal_length", "sepal_width", "petal_length", "petal_width")
    assert re.search(rf"\d+ %  ?.*({'|'.join(columns)}) [+-]\d", shown)
    assert re.search(r"(garden=(north|south|east)|year=200[12]) [+-]\d+ points", shown)


def test_dead_and_dense_units_are_counted(digits_home):
    words = " ".join(page_of(digits_home).text.split())
    counts = re.findall(r"Of (\d+) units (\d+) (?:is|are) dead \(active for none", words)
    assert [int(units) for units, _ in counts] == [48, 24]
    assert words.count("dense (active for more than half of them)") == 2


def test_confusion_counts_every_test_row_of_every_seed(digits_home, tmp_path, monkeypatch):
    config = digits_home.config
    data = prepare(config.data, config.task, config.seed, tmp_path / "data")
    drawn: list[TrialDiagnostics] = []

    def watched(summary: Summary, trials: TrialDiagnostics):
        drawn.append(trials)
        return comparison_sections(summary, trials)

    monkeypatch.setattr("pipeline.report.page.comparison_sections", watched)
    called = call_stages(config)
    plan, context = called.plan, called.context
    perform(plan.comparison(called.trials), context)
    with context.tracker.stage("report", "report", called.run.run_id, {}) as record:
        plan.report(called.stacks, called.trials, None).compute(context, record, lambda _: None)
    fail_run(called.run, RuntimeError())
    (left,) = drawn
    assert left.labels == 40
    assert set(left.confusion) == {"pretrained", "random"}
    true = np.bincount(data.targets[data.splits.test], minlength=10)
    for arm, matrix in left.confusion.items():
        np.testing.assert_array_equal(matrix.sum(axis=1), 2 * true)
        right = np.trace(matrix) / matrix.sum()
        row = next(r for r in digits_home.summary["comparison"] if r["labels"] == 40)
        assert right == pytest.approx(row["arms"][arm]["mean"])
    assert set(left.calibration) == {"pretrained", "random"}
    for arm, curve in left.calibration.items():
        row = next(r for r in digits_home.summary["comparison"] if r["labels"] == 40)
        right = (curve.share * curve.right).sum()
        assert right == pytest.approx(row["arms"][arm]["mean"])


def test_movement_is_the_distance_from_the_pretrained_weights(digits_home):
    called = digits_home.called
    tracker = called.context.tracker

    def kernels(run_id: str, name: str) -> list[np.ndarray]:
        uri = tracker.client.get_run(run_id).info.artifact_uri
        model = keras.saving.load_model(Path(uri.removeprefix("file://"), name), compile=False)
        return [weights for weights in model.get_weights() if weights.ndim == 2]

    before = [
        [kernels(level.run_id, "autoencoder.keras")[0] for level in stack]
        for stack in called.stacks
    ]
    seen = set()
    for trial, stage in called.trials:
        if trial.arm == "random":
            continue
        after = kernels(stage.run_id, "network.keras")
        for number, kernel in enumerate(before[called.plan.stack_of(trial)], 1):
            distance = np.linalg.norm(after[number - 1] - kernel) / np.linalg.norm(kernel)
            assert stage.metrics[f"moved_level_{number}"] == pytest.approx(distance, abs=1e-6)
            seen.add((trial.arm, distance > 0))
    assert seen == {("pretrained", True), ("frozen", False)}


# The sentence


def summary(
    metric: str, *rows: tuple[int, float, str], stacks: int = 5, correlation: float | None = None
) -> dict:
    """Of five seeds."""
    return {
        "metric": metric,
        "pretrain_seeds": stacks,
        "comparison": [
            {
                "labels": labels,
                "arms": {"random": {metric: [0.5] * 5}},
                "gain": {"mean": mean, "ci95": [mean - 0.01, mean + 0.01]},
                "against": {},
                "verdict": verdict,
                "correlation": correlation,
            }
            for labels, mean, verdict in rows
        ],
    }


def test_the_sentence_groups_budgets_by_verdict():
    found = summary(
        "accuracy",
        (100, 0.043, "helps"),
        (500, 0.0172, "helps"),
        (1000, 0.012, "helps"),
        (5000, 0.002, "no evidence"),
        (60000, -0.0061, "hurts"),
    )
    assert verdict_sentence(found) == (
        "Pretraining helps at 100 labels (+4.3 points [+3.3, +5.3]), 500 labels (+1.7 points "
        "[+0.7, +2.7]) and 1,000 labels (+1.2 points [+0.2, +2.2]). Pretraining hurts at 60,000 "
        "labels (-0.6 points [-1.6, +0.4]). There is no evidence of an effect at 5,000 labels "
        "(+0.2 points [-0.8, +1.2]). Each seed has a stack of its own: the verdict is on "
        "pretraining."
    )


def test_stacks_that_seeds_share_limit_what_the_verdict_is_on():
    found = verdict_sentence(summary("accuracy", (100, 0.043, "helps"), stacks=1))
    assert found == (
        "Pretraining helps at 100 labels (+4.3 points [+3.3, +5.3]). 5 seeds share 1 pretrained "
        "stack: the verdict is on that stack alone, not on pretraining. Set pretrain_seeds to 5."
    )


def test_a_regression_is_judged_in_r_squared():
    found = summary("r2", (50, 0.0421, "helps"))
    assert verdict_sentence(found).startswith(
        "Pretraining helps at 50 labels (+0.042 [+0.032, +0.052]). Each"
    )


def test_a_reference_model_that_is_ahead_is_said_first():
    found = summary("accuracy", (50, 0.02, "helps"), (200, 0.01, "no evidence"))
    first, second = found["comparison"]
    first["against"] = {
        "forest": {"mean": -0.012, "ci95": [-0.02, -0.004]},
        "boosting": {"mean": -0.029, "ci95": [-0.04, -0.018]},
        "frozen": {"mean": -0.05, "ci95": [-0.06, -0.04]},  # an arm: no other model
    }
    second["against"] = {
        "boosting": {"mean": -0.03, "ci95": [-0.07, 0.01]},  # it may be chance
        "logistic": {"mean": -0.03, "ci95": None},  # one seed
        "mlp": {"mean": 0.04, "ci95": [0.03, 0.05]},
    }
    assert verdict_sentence(found).startswith(
        "At 50 labels use boosting: +2.9 points [+1.8, +4.0] over the pretrained network. "
        "Pretraining helps at 50 labels (+2.0 points [+1.0, +3.0])."
    )
    second["against"]["boosting"]["ci95"] = [-0.05, -0.01]
    assert "; at 200 labels use boosting: +3.0 points [+1.0, +5.0] over" in verdict_sentence(found)


def test_one_seed_has_no_interval_to_show():
    found = summary("accuracy", (1, 0.02, "no evidence"))
    found["comparison"][0]["gain"]["ci95"] = None
    assert "no evidence of an effect at 1 label (+2.0 points)." in verdict_sentence(found)


def test_without_a_comparison_the_sentence_says_why():
    found = {"metric": "accuracy", "comparison": [{"labels": 5, "gain": None, "verdict": None}]}
    assert re.search("both the pretrained and the random arm", verdict_sentence(found))
