"""Runs the shell and Python blocks of a page as a reader would, from top to bottom, in one folder.

A line whose comment says that it takes minutes or hours is left out. A line whose comment says
`until Ctrl-C` is started, waited for until it answers, and stopped by Ctrl-C at the page's end.
"""

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from tests.docs.commands import commands_of
from tests.docs.pages import ROOT, blocks

LONG = re.compile(r"#.*\b(minutes?|hours?)\b")
SERVER = re.compile(r"#.*\buntil Ctrl-C\b")
ANSWERING = Path(__file__).with_name("answering.py")
# With `set -m` a background process can be stopped by Ctrl-C, which a script's could not.
HEAD = """set -eEm
servers=""
trap 'echo "failed: $place" >&2' ERR
"""
TAIL = """
for server in $servers; do
    kill -INT -- "-$server"
    wait "$server" || true
done
"""


def script(page: str, name: str) -> str:
    """The page's blocks as one bash script, which says where it failed."""
    parts = [HEAD]
    for block in blocks(page):
        place = f"place='{name}, line {block.line}'"
        if block.language == "python":
            parts += [place, f"python - <<'END OF BLOCK'\n{block.text}END OF BLOCK"]
        elif block.language == "sh":
            parts += [place, *map(_command, commands_of(block))]
    return "\n".join([*parts, TAIL])


def _command(command: str) -> str:
    if LONG.search(command):
        return ":"
    if SERVER.search(command):
        started = f'{command.partition("#")[0].strip()} &\nservers="$! $servers"'
        return f'{started}\n"{sys.executable}" "{ANSWERING}" $!'
    return command


def run_page(page: str, name: str, folder: Path) -> tuple[int, str]:
    """Exit status and output of a page's blocks, run in a folder with the commands on the path."""
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "prefect.yaml").symlink_to(ROOT / "prefect.yaml")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "PREFECT_"))}
    environment = kept | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    output = folder / "output.txt"
    with output.open("w") as file:
        process = subprocess.Popen(
            ["bash", "-c", script(page, name)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        try:
            status = process.wait()
        finally:
            _end_session(process.pid)
    return status, output.read_text(encoding="utf-8")


def _end_session(leader: int) -> None:
    """End what the script left running: its servers, when a block failed."""
    for process_id in psutil.pids():
        with suppress(ProcessLookupError):
            if os.getsid(process_id) == leader:
                os.kill(process_id, signal.SIGKILL)
