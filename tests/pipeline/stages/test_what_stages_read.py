"""A stage's key changes with every setting that the stage reads, and with no other.

What stages read is observed while a run computes them; the settings to change are found from the
schema of the config.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

import numpy as np
import pytest
from pydantic_core import PydanticSerializationError
from sklearn.datasets import load_iris

from pipeline.config.loading import check
from pipeline.config.part import Part
from pipeline.config.schema import RunConfig
from pipeline.data.prepared import prepare
from pipeline.files import text_digest
from pipeline.seeds import split_seed
from pipeline.stages.base import Outcome, Stage, perform
from pipeline.stages.context import Context, context_of, start_run
from pipeline.stages.plan import Plan, data_of, plan_of

STANDS_FOR_THE_DATA = {"fingerprint", "rows_read"}
"""Settings that nobody reads: digests of the prepared rows, which every stage reads."""
CHANGES_NOTHING = {
    "execution.runner": "where a stage runs",
    "execution.workers": "how many run at a time",
    "execution.address": "where they run",
    "data.distance_bound": "what is far enough for a note",
    "data.header": "Parquet names its columns",
    "data.sheet": "it has no sheets",
    "data.bad_rows": "all its rows are as long",
    "data.missing_values": "its numbers are no text",
    "data.decimal": "nor have they a mark",
    "data.day_first": "it has no dates in text",
    "data.boolean": "the column is true or false anyway",
    "data.strict": "nothing is left out",
    "pretrain.from": "no run has finished that a level could start from",
    "export.directory": "the same model is copied there",
    "export.alias": "it points at the same model",
    "task": "`auto` had decided the same",
}
CHANGES_NO_RESULT = {
    "splitting.resplit": "whether a split is a seed's own: a digest of its rows is in the key",
    "splitting.memory": "whether codes wait in memory or on disk to be read",
    "task.kind": "decided by the data, which every stage reads",
}
"""Settings that stages read beside their own."""
OTHER_TEXT = {
    "name": "renamed",
    "data.source": "other.parquet",
    "data.label": ["even", "odd"],
    "data.unlabelled": "virginica",
    "data.ignore": ["sepal_width"],
    "data.split": "part",
    "data.group": "block",
    "data.time": "day",
    "data.weight": "people",
    "data.categorical": ["petal_width"],
    "data.unlabelled_rows": "other.parquet",
    "data.query": "SELECT * FROM irises WHERE petal_width > 1",
    "data.sheet": "Sheet 2",
    "data.missing_values": ["none"],
    "data.numeric": ["even"],
    "data.boolean": ["even"],
    "data.dates": ["even"],
    "pretrain.from": "reads",
    "execution.address": "tcp://127.0.0.1:8786",
    "export.directory": "elsewhere",
    "export.alias": "another",
    "export.arm": "random",
    "gate.verdicts": ["helps"],
    "finetune.arms": ["pretrained", "random"],
    "finetune.references": [],
    "finetune.label_budgets": [20],
    "finetune.metric": "log_loss",
    "finetune.class_weights": "balanced",
    "finetune.encoder_rates": [0.5],
    "finetune.also_tried": [],
    "finetune.also_tried.0.labels": 31,
    "stack": None,  # its levels are changed one by one
    "data.noisy_rows": None,  # of another task: what it changes is the fingerprint (its own test)
}
"""Values for what has no other value by its type alone."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("reads")
    iris = load_iris(as_frame=True)
    names = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    table = iris.data.set_axis(names, axis=1).assign(species=iris.target_names[iris.target])
    table["garden"] = np.array(["north", "south"])[np.arange(150) % 2]
    table["even"], table["odd"] = np.arange(150) % 2, (np.arange(150) + 1) % 2
    table["block"], table["day"] = [f"block {n}" for n in np.arange(150) // 3], np.arange(150) % 50
    table["part"] = np.array(["train", "train", "validation", "test"])[np.arange(150) % 4]
    table["people"] = 1 + np.arange(150) % 5
    table.to_parquet(home / "irises.parquet")
    table.assign(sepal_width=table.sepal_width + 1).to_parquet(home / "other.parquet")
    return home


@pytest.fixture(scope="module")
def config(home: Path) -> RunConfig:
    """A run in which every setting is read somewhere."""
    level = {
        "units": 6,
        "sparsity": {"mechanism": "topk", "k": 3},
        "corruption": {"kind": "gaussian", "stddev": 0.1},
        "epochs": 2,
        "batch_size": 16,
    }
    return check(
        {
            "name": "reads",
            "data": {
                "source": "irises.parquet",
                "label": "species",
                "ignore": ["garden", "block", "day", "part", "people"],
                "holdout": "stable",
            },
            "stack": [{**level, "units": 24, "passes_on": "code"}, level],
            "finetune": {
                "arms": ["pretrained", "random", "frozen", "untrained_codes", "compute_matched"],
                "references": ["logistic"],
                "label_budgets": [30],
                "seeds": 2,
                "epochs": 2,
                "min_steps": 3,
                "batch_size": 8,
                "encoder_rates": [0.3],
                "dropout": 0.1,
                "also_tried": [
                    {"labels": 30, "learning_rate": 0.01, "weight_decay": 0.1, "dropout": 0.2}
                ],
                "pseudo_labels": 0.1,
                "reconstruction": 0.1,
                "corruption": {"kind": "gaussian", "stddev": 0.1},
                "checkpoints": 2,
            },
        }
    )


class Reads:
    """Records which fields of the parts it knows are read."""

    def __init__(self, patch: pytest.MonkeyPatch):
        self._paths: dict[int, str] = {}
        self._kept: list[Part] = []
        self.found: set[str] = set()
        read, copy = Part.__getattribute__, Part.model_copy

        def recording(part: Part, name: str) -> Any:
            if id(part) in self._paths and name in type(part).model_fields:
                self.found.add(f"{self._paths[id(part)]}.{name}".lstrip("."))
            return read(part, name)

        def copying(part: Part, **given: Any) -> Part:
            copied = copy(part, **given)
            if id(part) in self._paths:
                self.know(copied, self._paths[id(part)])
            return copied

        patch.setattr(Part, "__getattribute__", recording)
        patch.setattr(Part, "model_copy", copying)

    def know(self, part: Part, path: str = "") -> None:
        """Record reads of a part and of those inside it from here on."""
        self._kept.append(part)  # or another object may get its id
        self._paths[id(part)] = path
        for name, value in vars(part).items():
            for number, inner in enumerate(value if isinstance(value, tuple) else [value]):
                if isinstance(inner, Part):
                    place = f"{path}.{name}" + (f".{number}" if isinstance(value, tuple) else "")
                    self.know(inner, place.lstrip("."))


class Observed(NamedTuple):
    """One computed run."""

    stages: dict[str, Stage]
    reads: dict[str, set[str]]
    """By the name of the stage: dotted names of its settings."""


@pytest.fixture(scope="module")
def observed(config: RunConfig, home: Path, at_home) -> Observed:
    """A run in which every stage was computed, and what it read."""
    reads: dict[str, set[str]] = defaultdict(set)
    with pytest.MonkeyPatch.context() as patch:
        at_home(home, patch)
        recorder = Reads(patch)
        run = start_run(config)
        context = context_of(run)
        recorder.know(run.data, "splitting")
        recorder.know(run.task, "task")
        data = prepare(run.data, run.task, run.seed, run.scratch / "data")
        reads["data"] = recorder.found | {"seed"}  # handed to `prepare` as it is

        def compute(stage: Stage) -> Outcome:
            if stage.kind == "gate":
                register_champion(context, config.name)
            original = type(stage).compute

            def recorded(stage: Stage, *given: Any) -> dict[str, float]:
                recorder.know(stage.settings)
                recorder.found = set()
                metrics = original(stage, *given)
                reads[stage.name] |= recorder.found
                return metrics

            with pytest.MonkeyPatch.context() as while_computing:
                while_computing.setattr(type(stage), "compute", recorded)
                outcome = perform(stage, context)
            assert not outcome.cached
            return outcome

        done = compute(data_of(config, data))
        stages = all_stages(plan_of(config, data, done=done), compute)
    return Observed({"data": data_of(config, data), **stages}, reads)


def register_champion(context: Context, name: str) -> None:
    """A champion to be compared with: the same model once more."""
    client = context.tracker.client
    exported = client.get_model_version(name, "1")
    copy = client.create_model_version(name, exported.source, exported.run_id)
    client.set_registered_model_alias(name, "champion", copy.version)


def all_stages(plan: Plan, compute=None) -> dict[str, Stage]:
    """Every stage of a plan but the data's, by name; computed, or as if it were."""
    found: dict[str, Stage] = {}
    metric = f"validation_{plan.metric}_kept"

    def done(stage: Stage) -> Outcome:
        found[stage.name] = stage
        return compute(stage) if compute else Outcome("", stage.key, {metric: 0.0}, False)

    stacks: list[list[Outcome]] = []
    for stack in range(plan.config.stacks):
        stacks.append([])
        for number in range(1, len(plan.config.stack) + 1):
            stacks[-1].append(done(plan.level(stack, number, stacks[-1])))
    trials = [(trial, done(plan.trial(trial, stacks))) for trial in plan.trials]
    compared = done(plan.comparison(trials))
    gate = done(plan.gate(compared, done(plan.export(stacks, trials))))
    done(plan.report(stacks, trials, gate))
    return found


# The settings there are, and another value for each


def leaves(part: Part, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Dotted name, type and value of every setting of a config."""
    for name, field in type(part).model_fields.items():
        value, dotted = getattr(part, name), f"{path}.{name}".lstrip(".")
        if isinstance(value, Part) and name not in ("sparsity", "corruption", "task"):
            yield from leaves(value, dotted)
            continue
        yield dotted, field.annotation, value
        if isinstance(value, tuple) and value and isinstance(value[0], Part):
            for number, inner in enumerate(value):
                yield from leaves(inner, f"{dotted}.{number}")


def others(annotation: Any, value: Any) -> Iterator[Any]:
    """Other values of a type."""
    if get_origin(annotation) is Literal:
        yield from (option for option in get_args(annotation) if option != value)
    elif isinstance(value, Part):
        for option in options(annotation):
            if not isinstance(value, option):
                yield from ({tag: option.model_fields[tag].default} for tag in tags(option))
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, value - 1)
    elif isinstance(value, float):
        yield from (value / 2, value * 2, 0.1)
    elif value is None:
        yield 1
    elif value == "auto":
        yield from (2, True)


def options(annotation: Any) -> list[type[Part]]:
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return [annotation]
    return [option for part in get_args(annotation) for option in options(part)]


def tags(option: type[Part]) -> list[str]:
    return [name for name in ("mechanism", "kind") if name in option.model_fields]


def changed_configs(config: RunConfig) -> Iterator[tuple[str, RunConfig]]:
    """The config with each of its settings changed alone."""
    for path, annotation, value in leaves(config):
        candidates = [OTHER_TEXT[path]] if path in OTHER_TEXT else others(annotation, value)
        for other in candidates:
            if other is None:
                break
            if path == "data.memory":
                other = 20_000 / 2**30  # the codes of the first level exceed it, the rows do not
            changed = with_value(config.model_dump(mode="json"), path, other)
            if path == "execution.address":
                changed = with_value(changed, "execution.runner", "dask")  # which it is for
            if path == "data.resplit":
                changed = with_value(changed, "data.holdout", "drawn")  # as it needs
            try:
                yield path, check(changed)
                break
            except ValueError:  # it contradicts others
                continue
        else:
            raise AssertionError(f"no other value for {path}")


def with_value(tree: Any, path: str, value: Any) -> Any:
    *parents, last = path.split(".")
    place = tree
    for key in parents:
        place = place[int(key)] if isinstance(place, list) else place[key]
    place[last] = value
    return tree


def test_every_setting_of_the_schema_is_changed(config: RunConfig):
    changed = {path for path, _ in changed_configs(config)}
    assert changed == {path for path, *_ in leaves(config) if OTHER_TEXT.get(path, "") is not None}
    assert {"seed", "data.scaling", "stack.1.units", "finetune.dropout"} < changed


def differing(one: Part, other: Part, path: str = "") -> set[str]:
    """Dotted names of the settings in which two stages differ."""
    found: set[str] = set()
    for name in type(one).model_fields:
        first, second = getattr(one, name), getattr(other, name, None)
        dotted = f"{path}.{name}".lstrip(".")
        same_kind = type(first) is type(second)
        if isinstance(first, Part) and same_kind:
            found |= differing(first, second, dotted)
        elif isinstance(first, tuple) and first and isinstance(first[0], Part):
            for number, (a, b) in enumerate(zip(first, second, strict=False)):
                found |= differing(a, b, f"{dotted}.{number}") if type(a) is type(b) else {dotted}
        elif first != second:
            found.add(dotted)
    return found


def stages_of(config: RunConfig, home: Path) -> dict[str, Stage]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        what = [config.data.model_dump_json(), config.task.model_dump_json()]
        splits = []
        for number in range(config.splits):
            seed = split_seed(config.seed, number)
            folder = home / "prepared" / text_digest(json.dumps([*what, seed]))
            splits.append(prepare(config.data, config.task, seed, folder))
        return {"data": data_of(config, splits[0]), **all_stages(plan_of(config, *splits))}


def test_a_key_changes_with_what_its_stage_reads_and_with_nothing_else(config, observed, home):
    before = {name: stage.key for name, stage in stages_of(config, home).items()}
    idle: dict[str, set[str]] = {}
    for path, changed in changed_configs(config):
        now = stages_of(changed, home)
        for name in set(before) & set(now):
            own = differing(observed.stages[name].settings, now[name].settings)
            read = observed.reads[name] | STANDS_FOR_THE_DATA
            unread = {setting for setting in own if not is_read(setting, read)}
            assert not unread, f"{path} changes {unread} of {name}, which it does not read"
        same = {name for name in before if name in now and now[name].key == before[name]}
        if len(same) == len(before) == len(now):
            idle[path] = same
    assert set(idle) == set(CHANGES_NOTHING)


def test_no_stage_reads_a_setting_of_the_run_that_is_not_in_its_key(observed):
    for name, read in observed.reads.items():
        if name != "data":
            of_the_run = {path for path in read if path.split(".")[0] in ("splitting", "task")}
            assert of_the_run <= set(CHANGES_NO_RESULT), name


def is_read(setting: str, read: set[str]) -> bool:
    """Whether a setting was read, or one inside of it or around it."""
    return any(
        setting == other or other.startswith(f"{setting}.") or setting.startswith(f"{other}.")
        for other in read
    )


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("export.alias", set()),
        ("finetune.encoder_rates", {"finetune", "compare", "export", "gate", "report"}),
        ("execution.gpus", {"pretrain", "finetune", "compare", "export", "gate", "report"}),
        ("data.scaling", {"data", "pretrain", "finetune", "compare", "export", "gate", "report"}),
        ("data.weight", {"data", "finetune", "compare", "export", "gate", "report"}),
        ("name", {"export", "gate", "report"}),
        ("export.arm", {"export", "gate", "report"}),
        ("gate.margin", {"gate", "report"}),
    ],
)
def test_a_setting_concerns_these_stages(path, kinds, config, home):
    before = stages_of(config, home)
    now = stages_of(dict(changed_configs(config))[path], home)
    assert {stage.kind for name, stage in before.items() if now[name].key != stage.key} == kinds


def test_arms_that_train_the_head_alone_do_not_depend_on_how_networks_are_trained(
    config, observed, home
):
    for path in ("encoder_rates", "corruption", "pseudo_labels", "reconstruction"):
        now = stages_of(dict(changed_configs(config))[f"finetune.{path}"], home)
        for name, stage in observed.stages.items():
            if stage.kind == "finetune":
                head_alone = "frozen" in name or "untrained" in name or "logistic" in name
                assert (now[name].key == stage.key) == head_alone, (path, name)


def test_a_random_network_depends_on_its_decoder_where_it_reconstructs(config, observed, home):
    now = stages_of(dict(changed_configs(config))["stack.0.decoder_activation"], home)
    name = "fine-tune random, 30 labels, seed 0"
    assert now[name].key != observed.stages[name].key


def test_versions_of_what_computes_count(observed, monkeypatch):
    before = {name: stage.key for name, stage in observed.stages.items()}
    monkeypatch.setattr("pipeline.stages.base._version", lambda package: f"{package} 99")
    changed = {s.kind for n, s in observed.stages.items() if s.key != before[n]}
    assert changed == {"pretrain", "finetune", "compare", "export", "gate", "report"}


def test_a_new_contract_changes_the_keys_of_its_stage(observed, monkeypatch):
    level = observed.stages["pretrain level 1"]
    before = level.key
    monkeypatch.setattr(type(level), "contract", level.contract + 1)
    assert level.key != before


def test_a_key_can_be_an_mlflow_tag(observed):
    for stage in observed.stages.values():
        assert len(stage.key) == 64
        assert set(stage.key) <= set("0123456789abcdef")


class Unknown(Part):
    """Settings that JSON cannot hold."""

    value: object


def test_what_json_does_not_know_is_no_ingredient_of_a_key(observed):
    level = observed.stages["pretrain level 1"]
    with pytest.raises(PydanticSerializationError):
        _ = replace(level, settings=Unknown(value=object())).key
