"""The recipe of tables, and when a run has it."""

from pathlib import Path

import pytest

from pipeline.config.loading import check, load, of_tables
from pipeline.config.recipe import TABLES, names_a_table
from pipeline.config.schema import RunConfig
from pipeline.data.sources.tables.opening.files import KINDS, is_table

SOURCES = ["a.csv", "b/a.CSV.gz", "parts/*.parquet", "a.b.xlsx", "s3://b/a.csv"]


@pytest.mark.parametrize("source", SOURCES)
def test_a_table_has_the_recipe_of_tables_and_nothing_else_changes(source: str):
    config = load(None, source)
    assert config.stack == of_tables().stack == load("tables").stack
    for section in ("stack", "finetune"):
        assert getattr(config, section) == getattr(of_tables(), section)
        assert getattr(config, section) != getattr(RunConfig(), section)
    kept = config.model_copy(update={"stack": RunConfig().stack, "finetune": RunConfig().finetune})
    assert kept == RunConfig(name=config.name, data=kept.data)


@pytest.mark.parametrize("source", ["digits", "a.npz", "a.npy", "nothing", "~nobody-here/a"])
def test_arrays_and_images_keep_the_schema_s_defaults(source: str):
    config = load(None, source)
    assert (config.stack, config.finetune) == (RunConfig().stack, RunConfig().finetune)


def test_the_preset_digits_is_as_it_was():
    assert load("digits").stack == RunConfig().stack
    assert load(None).finetune == RunConfig().finetune


def test_what_a_config_says_stays_and_the_rest_is_the_recipe_s():
    config = load("topk", "a.csv", settings=["finetune.epochs=7"])
    assert config.stack == RunConfig().stack
    assert config.finetune.epochs == 7
    assert config.finetune.encoder_rates == of_tables().finetune.encoder_rates


def test_a_setting_of_one_level_changes_the_recipe_s_level():
    config = load(None, "a.csv", settings=["stack.0.units=7"])
    assert config.stack[0] == of_tables().stack[0].model_copy(update={"units": 7})


def test_a_tree_that_a_deployment_is_given_has_it_too_and_keeps_it():
    config = check({"data": {"source": "a.csv"}})
    assert config.stack == of_tables().stack
    assert check(config.model_dump(mode="json")) == config


def test_a_folder_goes_by_its_files(tmp_path: Path):
    (tmp_path / "year=2020").mkdir()
    (tmp_path / "year=2020" / "a.csv").write_text("a,b\n1,2\n")
    assert names_a_table(str(tmp_path))
    assert is_table(str(tmp_path))
    (tmp_path / "x.npy").touch()
    assert not names_a_table(str(tmp_path))


def test_every_file_that_is_read_as_a_table_is_one_by_its_name():
    assert set(TABLES) == set(KINDS)


@pytest.mark.parametrize("source", ["/", "\0", "~", "", ".", 7, None, ["a.csv"]])
def test_any_value_can_be_asked_about(source: object):
    assert not names_a_table(source)
