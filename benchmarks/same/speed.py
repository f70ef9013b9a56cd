"""Whether a change leaves training as fast as it was: rows a second of one level, in two checkouts.

`python -m benchmarks.same.speed BEFORE AFTER` trains a level, 784 to 1,024, with the code in each
of these folders, without sparsity and with TopK. Each round starts a process for each checkout.
Both compile all levels; then they train epochs of them in turn, one beside the other, and from
epoch to epoch the other one begins. A round's figures are medians of its epochs, its ratio (AFTER
to BEFORE) the median over pairs of neighbours, which other work on the machine slows down alike.
Speeds are the same within their spread where each median of the rounds lies between the slowest
and the fastest round of the other checkout.
"""

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.running import BUILD

ROUNDS = 5
EPOCHS = 10
LOG = BUILD / "same" / "speed.log"
LEVELS = tuple(product(("none", "topk"), (256, 1024), (False, True)))
"""Mechanism, batch size, whether XLA compiles."""
WORKER = f"""
import sys, time
from pathlib import Path

from benchmarks.speed import training

assert Path(training.__file__).is_relative_to(Path.cwd()), training.__file__
images = training.read_builtin("fashion_mnist").x[:12_288]  # whole batches of both sizes
rows = images.reshape(len(images), -1).astype("float32") / 255
epochs = []
for mechanism, batch_size, xla in {LEVELS!r}:
    settings = training.MECHANISMS[mechanism]
    level = training.LevelConfig(units=1024, batch_size=batch_size, **settings)
    epochs.append(training.engine(level, rows, xla).epoch)
    epochs[-1]()  # compiles
print("ready", flush=True)
for line in sys.stdin:
    began = time.perf_counter()
    epochs[int(line)]()
    print(len(rows) / (time.perf_counter() - began), flush=True)
"""
"""Trains an epoch of the level whose number it reads, and writes the rows a second."""


class Speeds(NamedTuple):
    """Of one level: a figure for each round."""

    before: list[float]
    """Rows a second."""
    after: list[float]
    ratio: list[float]

    @property
    def same(self) -> bool:
        """Whether each median lies within the range of the other."""
        return all(
            min(one) <= median(other) <= max(one)
            for one, other in ((self.before, self.after), (self.after, self.before))
        )


def measure(checkouts: tuple[Path, Path], rounds: int, epochs: int) -> list[Speeds]:
    """The speeds of each of `LEVELS` with the code before and after a change."""
    LOG.parent.mkdir(parents=True, exist_ok=True)
    found = [Speeds([], [], []) for _ in LEVELS]
    for _ in range(rounds):
        for speeds, pairs in zip(found, _one_round(checkouts, epochs), strict=True):
            before, after = zip(*pairs, strict=True)
            speeds.before.append(median(before))
            speeds.after.append(median(after))
            speeds.ratio.append(median(new / old for old, new in pairs))
    return found


def _one_round(checkouts: tuple[Path, Path], epochs: int) -> list[list[list[float]]]:
    """For each level and epoch the rows a second of both checkouts."""
    pairs: list[list[list[float]]] = [[] for _ in LEVELS]
    with ExitStack() as stack:
        workers = [stack.enter_context(_worker(checkout)) for checkout in checkouts]
        for worker in workers:
            _answer(worker)
        for epoch in range(epochs):
            for number, of_level in enumerate(pairs):
                pair = [0.0, 0.0]
                for which in (0, 1) if epoch % 2 else (1, 0):
                    print(number, file=workers[which].stdin, flush=True)
                    pair[which] = float(_answer(workers[which]))
                of_level.append(pair)
    return pairs


def _worker(checkout: Path) -> subprocess.Popen[str]:
    with LOG.open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-c", WORKER],
            cwd=checkout, env=os.environ | {"PYTHONPATH": str(checkout)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip


def _answer(worker: subprocess.Popen[str]) -> str:
    if not (line := worker.stdout.readline()):
        raise RuntimeError(f"A process that trains has ended. Its last words are in {LOG}.")
    return line


def show(found: list[Speeds]) -> None:
    """Print a Markdown table: medians of the rounds, the slowest and the fastest."""
    print("| mechanism | batch | XLA | before, rows/s | after, rows/s | ratio | within spread |")
    print("| - | -: | - | -: | -: | -: | - |")
    for (mechanism, batch_size, xla), speeds in zip(LEVELS, found, strict=True):
        columns = [
            mechanism,
            f"{batch_size:,}",
            _yes(xla),
            *(f"{median(s):,.0f} [{min(s):,.0f}, {max(s):,.0f}]" for s in speeds[:2]),
            f"{median(speeds.ratio):.2f} [{min(speeds.ratio):.2f}, {max(speeds.ratio):.2f}]",
            _yes(speeds.same),
        ]
        print(f"| {' | '.join(columns)} |")


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def main() -> None:
    """Measure, print the table and write the figures as JSON."""
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    before, after = (Path(folder).resolve() for folder in sys.argv[1:])
    found = measure((before, after), ROUNDS, EPOCHS)
    levels = [dict(zip(("mechanism", "batch_size", "xla"), level, strict=True)) for level in LEVELS]
    figures = [level | speeds._asdict() for level, speeds in zip(levels, found, strict=True)]
    (BUILD / "same" / "speed.json").write_text(json.dumps(figures, indent=1))
    show(found)


if __name__ == "__main__":
    main()
