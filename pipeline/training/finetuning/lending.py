"""Finetuners that are lent, one to a thread: what TensorFlow compiled serves the next trial too."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.config.finetune import HeadTraining
from pipeline.config.task import Decided
from pipeline.config.untrained import UntrainedLevel
from pipeline.tasks import task_of
from pipeline.training.finetuning.finetune import Finetuner

_idle: dict[tuple, list[Finetuner]] = defaultdict(list)
_lending = threading.Lock()


@contextmanager
def lent_finetuner(
    training: HeadTraining,
    network: tuple[UntrainedLevel, ...],
    features: int,
    outputs: int,
    task: Decided,
    metric: str,
    columns: tuple[int, ...],
    weighed: bool,
) -> Iterator[Finetuner]:
    """One that no other thread uses meanwhile: training changes its weights.

    What TensorFlow compiles for it serves all trials of its shape, however many threads there are.
    """
    shape = (training, network, features, outputs, task, metric, columns, weighed)
    with _lending:
        lent = _idle[shape].pop() if _idle[shape] else None
    if not lent:
        made = task_of(task)
        lent = Finetuner(
            training, network, features, outputs, made, made.metric(metric), columns, weighed
        )
    yield lent
    with _lending:  # one whose training failed is not lent again
        _idle[shape].append(lent)
