"""What the README and the manual name exists, and what they tell a reader to type works."""

from pathlib import Path

import pytest

from flows.cli import main
from tests.docs.commands import problems
from tests.docs.pages import PAGES, ROOT, blocks, dead_links, inline_code, links
from tests.docs.running import run_page

RUN = [
    page
    for page in PAGES
    if any(block.language in ("sh", "python") for block in blocks(page.read_text("utf-8")))
]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path):
    assert dead_links(page) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_option_setting_and_file_exists(page: Path):
    assert problems(page.read_text("utf-8")) == []


def test_every_page_can_be_reached_from_the_readme():
    found: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in found and page.suffix == ".md":
            found.add(page)
            names = (link.partition("#")[0] for link in links(page.read_text("utf-8")))
            waiting += [(page.parent / name).resolve() for name in names if name]
    assert set(PAGES) <= found


def test_the_readme_is_two_pages():
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 130


def test_the_command_line_page_has_every_command_and_every_option():
    page = (ROOT / "docs" / "command-line.md").read_text("utf-8")
    code = inline_code(page)
    for name, command in main.commands.items():
        lines = [line for line in code if line.startswith(f"layerwise {name} ")]
        assert lines or f"layerwise {name}" in code, name
        for param in command.params:
            if param.param_type_name == "option":
                assert any(set(param.opts) & set(_words(line)) for line in lines), param.opts


def _words(line: str) -> list[str]:
    return line.replace("[", " ").replace("]", " ").split()


def test_a_dead_link_is_found(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text(
        "# One title, `code` and all\n[good](#one-title-code-and-all) [no file](gone.md) "
        "[no title](page.md#other) ![no picture](gone.png) `[not a link](x.md)`\n"
    )
    assert dead_links(page) == ["gone.md", "page.md#other", "gone.png"]


@pytest.mark.parametrize(
    "code",
    [
        "layerwise fly",
        "layerwise run digits --fast",
        "layerwise run --set stack.0.unit=3",
        "layerwise run digits --set 'finetune.seeds=2",
        "--no-such-option",
        "--set data.missing=invent",
        "data.sauce",
        "stack.N.sparsity.kk",
        "make coffee",
        "python -m benchmarks.nothing",
        "pipeline/nothing.py",
    ],
)
def test_what_does_not_exist_is_found(code: str):
    assert len(problems(f"Use `{code}`.")) == 1
    if not code.startswith(("-", "data.", "stack.", "pipeline/")):
        assert len(problems(f"```sh\n{code}    # a comment\n```\n")) == 1


def test_what_exists_is_not_complained_of():
    page = (
        "`layerwise run [PRESET] [--data SPEC] [--set KEY=VALUE ...]` `layerwise --verbose ...` "
        "`layerwise run kl --set 'finetune.label_budgets=[10]' --set stack.0.units=8` `--json` "
        "`stack.N.retry` `stack.0.sparsity.k` `make lint` `tests/docs/pages.py` `y`\n"
        "```sh\nlayerwise run digits \\\n  --refresh   # comment\n```\n"
    )
    assert problems(page) == []


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_what_a_page_says_to_type_works(page: Path, tmp_path: Path):
    status, output = run_page(page.read_text("utf-8"), name_of(page), tmp_path)
    assert status == 0, output


@pytest.mark.parametrize(
    ("block", "place"),
    [
        ("```sh\ntrue\nlayerwise fly\n```", "page.md, line 4"),
        ("```python\nimport json\n1 / 0\n```", "page.md, line 4"),
        ("```sh\nfalse    # until Ctrl-C\n```", "page.md, line 4"),
        ("```sh\nexport SEEN=1\n```\n```sh\n[ $SEEN = 1 ]\n[ $SEEN = 2 ]\n```", "page.md, line 7"),
    ],
)
def test_a_block_that_fails_is_found(block: str, place: str, tmp_path: Path):
    status, output = run_page(f"# Page\n\n{block}\n", "page.md", tmp_path)
    assert status != 0
    assert f"failed: {place}" in output


def test_a_server_is_waited_for_and_stopped_and_what_takes_long_is_left_out(tmp_path: Path):
    page = """
```sh
python -m http.server 0 --bind 127.0.0.1    # until Ctrl-C
sleep 1000    # minutes
echo done
```
"""
    status, output = run_page(page, "page.md", tmp_path)
    assert (status, "done" in output) == (0, True)
    assert "Keyboard interrupt received" in output
