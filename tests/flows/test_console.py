"""Names are printed as they are: nothing in them is markup."""

import pytest

from flows import terminal


@pytest.mark.parametrize("name", ["[/b]", "[bold red]x[/]", "$(id)", "a'; drop table"])
def test_a_name_is_no_markup(name: str, capsys: pytest.CaptureFixture[str]):
    for console, stream in ((terminal.output, "out"), (terminal.console, "err")):
        console.print(f"SavedModel: {name}")
        assert getattr(capsys.readouterr(), stream) == f"SavedModel: {name}\n"
