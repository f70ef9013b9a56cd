"""A run that may take so long: which stages begin, and what is said of those that do not.

How long a stage takes is what `layerwise run --dry-run` foretells, at the most. Checked before each
level and each trial: what is running is not stopped.
"""

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pipeline.stages.base import Outcome
from pipeline.stages.context import Context
from pipeline.stages.forecasting.forecast import longest_seconds
from pipeline.stages.plan import Plan
from pipeline.stages.trial import Trial

Done = Sequence[tuple[Trial, Outcome]]
"""Trials that ran, or were cached."""


@dataclass(frozen=True)
class TimeLimit:
    """Until when a run's stages must have ended."""

    text: str = ""
    """As people gave it; empty without a limit."""
    ends: float = math.inf
    """Seconds since 1970."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """By the name of a stage how long it takes at most; a cached one is not there."""

    def allows_level(self, plan: Plan, stack: int, number: int) -> bool:
        """Whether a level (from 1) of a stack (from 0) may begin.

        There must be time for the rest of its stack and for the trials of the first label budget up
        to it, so that one stack that is compared comes before several that are not.
        """
        return time.time() + self._for_stack(plan, stack, number) + self._reporting <= self.ends

    def latest_start(self, trial: Trial) -> float | None:
        """When a trial must have begun, in seconds since 1970; None without a limit."""
        if not self.text:
            return None
        return self.ends - self._reporting - self.seconds.get(trial.name, 0)

    def allows_export(self, plan: Plan, trials: Done) -> bool:
        """Whether there is time for the export, and all trials are there of which it is the best.

        The best of some of them would be another model than that of the whole run.
        """
        labels = max(trial.labels for trial in plan.trials)
        wanted = {t for t in plan.trials if t.arm in plan.exportable and t.labels == labels}
        in_time = time.time() + self._reporting <= self.ends
        return in_time and wanted <= {t for t, _ in trials}

    def shortened(self, plan: Plan, stacks: int, trials: Done, exports: bool) -> str | None:
        """What was not begun, in a sentence; None where all was."""
        all_stacks = plan.config.stacks
        parts = [
            f"{all_stacks - stacks} of {all_stacks} stacks" if stacks < all_stacks else "",
            f"{len(plan.trials) - len(trials)} of {len(plan.trials)} trials"
            if len(trials) < len(plan.trials)
            else "",
            "" if exports else "the export",
        ]
        if not (left := ", ".join(filter(None, parts))):
            return None
        found = f"The time limit of {self.text} left no time for: {left}."
        if not trials:
            found += f" There is nothing to compare yet: {self._too_long(plan, stacks)}"
        return f"{found} A later run of the same config goes on from what is computed."

    def _too_long(self, plan: Plan, stacks: int) -> str:
        stack = min(stacks, plan.config.stacks - 1)
        needed = self._for_stack(plan, stack, 1) + self._reporting
        return (
            f"stack {stack + 1}, its trials at the first label budget and the report may take "
            f"{needed:,.0f} s, and must end by {datetime.fromtimestamp(self.ends):%H:%M:%S}."
        )

    def _for_stack(self, plan: Plan, stack: int, number: int) -> float:
        levels = range(number, len(plan.config.stack) + 1)
        names = [plan.level(stack, level, ()).name for level in levels]
        first = plan.trials[0].labels
        trials = [t for t in plan.trials_on(stack + 1) if t.labels == first]
        at_a_time = plan.config.execution.workers
        return self._sum(names) + self._sum(trial.name for trial in trials) / at_a_time

    @property
    def _reporting(self) -> float:
        """Seconds for what is done with the trials."""
        return self._sum(["compare", "export", "gate", "report"])

    def _sum(self, names: Iterable[str]) -> float:
        return sum(self.seconds.get(name, 0) for name in names)


def time_limit_of(context: Context, plan: Plan, text: str, ends: float) -> TimeLimit:
    """The limit of a run whose data are known; steps are timed where no run has been before."""
    run = context.run
    seconds = longest_seconds(plan, context.data, context.tracker, run.refresh)
    return TimeLimit(text, ends, seconds)
