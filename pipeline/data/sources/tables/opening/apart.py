"""Work on what others wrote, in a process of its own: what exhausts it ends that one alone."""

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.data.rows.memory import memory as machine_memory

PROGRAM = 2**30
"""Bytes that a process takes for itself."""


def asked(module: str, request: Mapping[str, Any], memory: int, disk: int) -> dict[str, Any] | None:
    """What the module's `answering` gives; None: the process ended.

    `memory` and `disk` are the bytes that it may take, and write into a file.
    """
    data = min(memory, machine_memory() // 2) + PROGRAM
    done = subprocess.run(
        [sys.executable, "-P", "-m", module],
        input=json.dumps({"data": data, "disk": disk, "request": request}),
        capture_output=True, text=True,
    )  # fmt: skip
    found: dict[str, Any] | None = json.loads(done.stdout) if done.returncode == 0 else None
    return found


def answering(answer: Callable[..., dict[str, Any]]) -> None:
    """Answer the request that `asked` sends, within its bounds."""
    given = json.load(sys.stdin)
    bounds = {resource.RLIMIT_DATA: given["data"], resource.RLIMIT_FSIZE: given["disk"]}
    for limit, most in bounds.items():
        _, hard = resource.getrlimit(limit)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (bound, bound))
    print(json.dumps(answer(**given["request"])))
