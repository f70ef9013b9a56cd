"""The one exception: its message is fit for a terminal, whatever it quotes."""

import pickle

from pipeline.errors import MAX_MESSAGE, InputError


def test_what_a_terminal_would_obey_is_escaped():
    assert str(InputError("no \x1b[2J\a\u202e\ud800 here.\nNext.")) == (
        "no \\x1b[2J\\x07\\u202e\\ud800 here.\nNext."
    )


def test_the_middle_of_a_very_long_message_is_left_out():
    message = str(InputError(f"Rule. Given: {'x' * 100_000}. Cure."))
    assert len(message) <= MAX_MESSAGE
    assert message.startswith("Rule. Given: x")
    assert message.endswith("x. Cure.")


def test_a_message_stays_as_it_is_between_processes():
    error = InputError("\x1b" * MAX_MESSAGE)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
