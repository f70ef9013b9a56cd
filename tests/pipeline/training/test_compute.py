"""How many steps random weights get to match pretraining."""

from pipeline.config.level import LevelTraining
from pipeline.training.compute import matched_steps, pretraining_epochs


def test_steps_of_a_hand_set_stack():
    stack = (LevelTraining(units=20, epochs=3), LevelTraining(units=5, epochs=6))
    # Encoder and decoder of 10 x 20 for 3 epochs and of 20 x 5 for 6, over 1,000 rows,
    # against an encoder of 10 x 20 and 20 x 5 with a head of 5 x 2, over 8 rows a step.
    expected = 1000 * (3 * 2 * 200 + 6 * 2 * 100) / (8 * (200 + 100 + 10))
    assert matched_steps(stack, 8, 1000, features=10, outputs=2) == round(expected)


def test_few_rows_are_passed_over_more_often_until_there_are_enough_steps():
    level = LevelTraining(units=5, epochs=3, min_steps=100, batch_size=32)
    assert pretraining_epochs(level, 320) == 10
    assert pretraining_epochs(level, 330) == 10  # ten whole batches an epoch
    assert pretraining_epochs(level, 31) == 100  # one batch of them all
    assert pretraining_epochs(level, 32_000) == 3
