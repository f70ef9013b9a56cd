"""Stage keys: another one for everything that may change the outcome, the same one for the rest."""

from pathlib import Path

import pytest

from pipeline.config.corruption import MaskingNoise
from pipeline.config.data import DataConfig
from pipeline.config.level import LevelConfig
from pipeline.config.sparsity import L1, TopKLimit
from pipeline.files import file_digest, folder_digest
from pipeline.stages.keys import CONTRACTS, stage_key

LEVEL = LevelConfig(units=32, sparsity=TopKLimit(k=4), corruption=MaskingNoise(share=0.3))
OTHER = {
    "units": 33,
    "activation": "tanh",
    "sparsity": L1(),
    "corruption": MaskingNoise(share=0.31),
    "tied": True,
    "decoder_activation": "sigmoid",
    "unit_norm_decoder": True,
    "loss": "squared",
    "passes_on": "code",
    "revive": False,
    "standardize": True,
    "epochs": 13,
    "min_steps": 2,
    "batch_size": 255,
    "precision": "bfloat16",
    "learning_rate": 1.0001e-3,
    "retry": True,
}


def key(level: LevelConfig) -> str:
    return stage_key("pretrain", level, 0, 1, "what it stands on")


def test_equal_configs_have_one_key_however_they_were_written():
    written = {
        "corruption": {"share": 0.3, "kind": "masking"},
        "sparsity": {"k": 4.0, "mechanism": "topk"},
        "units": 32,
        "epochs": 12,  # the default
    }
    assert key(LevelConfig.model_validate(written)) == key(LEVEL)


def test_every_field_of_a_level_is_varied_below():
    assert set(OTHER) == set(LevelConfig.model_fields)


@pytest.mark.parametrize("field", OTHER)
def test_every_field_of_a_level_counts(field):
    assert key(LEVEL.model_copy(update={field: OTHER[field]})) != key(LEVEL)


def test_all_that_a_stage_stands_on_counts():
    parts = [
        (LEVEL, 0, 1, "below"),
        (LEVEL, 1, 1, "below"),
        (LEVEL, 0, 2, "below"),
        (LEVEL, 0, 1, "other"),
        (LEVEL, 0, 1),
    ]
    keys = {stage_key(stage, *each) for stage in ("pretrain", "finetune") for each in parts}
    assert len(keys) == 2 * len(parts)


def test_a_new_contract_of_a_stage_changes_its_keys_and_no_others(monkeypatch):
    before = {stage: stage_key(stage, LEVEL) for stage in CONTRACTS}
    monkeypatch.setitem(CONTRACTS, "pretrain", CONTRACTS["pretrain"] + 1)
    changed = {stage for stage in CONTRACTS if stage_key(stage, LEVEL) != before[stage]}
    assert changed == {"pretrain"}


def test_names_in_any_alphabet_make_a_key():
    given = DataConfig(label="größe", drop=("名前",))
    assert stage_key("data", given) != stage_key("data", DataConfig(label="größe"))


def test_a_key_can_be_an_mlflow_tag():
    assert len(key(LEVEL)) == 64
    assert set(key(LEVEL)) <= set("0123456789abcdef")


def test_a_folder_digest_is_of_names_and_bytes_wherever_it_lies(tmp_path: Path):
    for place, name, content in (
        ("one", "a/b", b"1"), ("same", "a/b", b"1"),
        ("renamed", "a/c", b"1"), ("other", "a/b", b"2"),
    ):  # fmt: skip
        file = tmp_path / place / name
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
    found = {place.name: folder_digest(place) for place in tmp_path.iterdir()}
    assert found["one"] == found["same"]
    assert len(set(found.values())) == 3


def test_a_file_digest_is_sha_256(tmp_path: Path):
    file = tmp_path / "file"
    file.write_bytes(b"abc")
    # NIST's example for SHA-256.
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert file_digest(file) == expected
