"""The processor cores that this process may use, which in a container are fewer than it sees."""

import math
import os
from pathlib import Path

CGROUP_2 = Path("/sys/fs/cgroup/cpu.max")
CGROUP_1 = (
    Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"),
    Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
)


def cores() -> int:
    """At least one: those it may be scheduled on, or a container's quota, rounded up."""
    scheduled = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    found = scheduled or os.cpu_count() or 1
    quota = _quota()
    return min(found, max(1, math.ceil(quota))) if quota else found


def _quota() -> float | None:
    """Of a container, in cores; None without a limit."""
    if CGROUP_2.is_file():
        given, period = CGROUP_2.read_text().split()
    elif all(file.is_file() for file in CGROUP_1):
        given, period = (file.read_text().strip() for file in CGROUP_1)
    else:
        return None
    return None if given in ("max", "-1") else int(given) / int(period)
