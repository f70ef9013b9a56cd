"""Damaged tables are read in a child process: a crash there, a hang, or much memory is seen.

Usage: python -m benchmarks.fuzz.tables FOLDER INPUTS [FIRST]

Input n is the same in every run. Most go through DuckDB's readers with the options of this
program, on a connection that serves many; one in WHOLE goes through everything that a run and
`layerwise data` do. What is found is kept in FOLDER, which should lie in memory (/dev/shm).
"""

import gzip
import json
import os
import struct
import subprocess
import sys
import time
import traceback
import warnings
import zlib
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path
from random import Random

import duckdb
import pyarrow as pa

from benchmarks.fuzz.seeds import changed, tables
from pipeline.config.data import DataConfig
from pipeline.config.task import AutoTask
from pipeline.data.describe import describe
from pipeline.data.problems import usable
from pipeline.data.source import Column
from pipeline.data.sources.read import read, read_rows
from pipeline.data.sources.tables.opening.connection import literal, reading
from pipeline.data.sources.tables.opening.dialect import dialect_of
from pipeline.data.sources.tables.opening.plain import check_unpacks
from pipeline.data.sources.tables.opening.scan import scan
from pipeline.data.sources.tables.opening.types import guessed_types, nulls
from pipeline.data.target import with_target
from pipeline.errors import InputError

WHOLE = 100
AT_ONCE = 500
"""Inputs that a connection serves."""
PATIENCE, LONGEST = 10, 200
"""Seconds of the processor, and of the clock, that an input may take."""
MEMORY = 3 * 2**30
"""Bytes above which an input has taken too much."""
COLUMNS = (Column("a", "number"), Column("word", "category"))
SEEDS = tables()


def made(number: int) -> tuple[str, bytes, Random]:
    """Suffix and content of an input, and chance for what is done with it."""
    random = Random(number)
    suffix, content = random.choice(SEEDS)
    others = [other for kind, other in SEEDS if kind == suffix]
    packing = suffix.rpartition(".")[2]
    if packing == "gz" and random.random() < 0.7:  # what is packed is damaged, not the packing
        inside = changed(gzip.decompress(content), random, others)
        return suffix, gzip.compress(inside, 1, mtime=0), random
    return suffix, changed(content, random, others), random


def in_utf8(suffix: str, content: bytes) -> bytes:
    """The content as DuckDB is given it: what is no text it never sees."""
    if suffix == ".csv.gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error):  # damaged packing stays so
            return content
        return gzip.compress(in_utf8(".csv", content), 1, mtime=0)
    if suffix != ".csv":
        return content
    return content.decode("utf-8", "replace").replace("\0", "").encode()


def use_whole(file: Path, random: Random, folder: Path) -> None:
    """In every way that there is."""
    with suppress(InputError):
        read_rows(str(file), COLUMNS)
    changes = random.choice(
        ({"label": "y"}, {"label": "-1", "bad_rows": "skip"}, {"label": "y", "memory": 1e-6},
         {"label": "1", "header": "false", "strict": True}, {"label": "y", "decimal": ","},
         {"label": "y", "query": "SELECT * FROM given"}, {"label": "y", "dates": ["word"]})
    )  # fmt: skip
    with suppress(InputError):
        config = DataConfig(source=str(file), **changes)
        source = with_target(read(config, folder), AutoTask(), config)
        json.dumps(describe(source, config, usable(source, config, seed=0)), allow_nan=False)


def use_duckdb(connection: duckdb.DuckDBPyConnection, file: Path, random: Random) -> None:
    """As the reader of tables does, without what comes before and after."""
    if ".parquet" in file.name or ".json" in file.name:
        reader = "read_parquet" if file.suffix == ".parquet" else "read_json"
        rows = f"{reader}([{literal(str(file))}], union_by_name = false, hive_partitioning = false)"
        connection.execute(f"DESCRIBE SELECT * FROM {rows}").fetchall()
        connection.execute(f"SELECT count(*) FROM {rows}").fetchall()
        connection.sql(f"SELECT * FROM {rows}").to_arrow_table()
        return
    dialect = dialect_of(connection, file, random.choice(("auto", "true", "false")), (), file.name)
    types = guessed_types(connection, dialect, file, ("NA", "?"), ())
    rows = scan(connection, dialect, [file], types, nulls(("NA", "?"), dialect), copies=True).source
    connection.sql(f"SELECT * FROM {rows}").to_arrow_table()


def child(folder: Path, first: int, last: int) -> None:
    """Use inputs in turn; the number of the present one stands in a file."""
    warnings.simplefilter("ignore")
    place = (folder / "number").open("r+b", buffering=0)
    files = {suffix: folder / f"given{suffix}" for suffix, _ in SEEDS}
    for start in range(first, last, AT_ONCE):
        with ExitStack() as stack:
            connection = stack.enter_context(reading(list(files.values()), 2**30, folder))
            for number in range(start, min(last, start + AT_ONCE)):
                place.seek(0)
                place.write(struct.pack("<q", number))
                suffix, content, random = made(number)
                file = files[suffix]
                try:
                    if number % WHOLE == 0:
                        file.write_bytes(content)
                        use_whole(file, random, folder)
                    elif suffix not in (".xlsx", ".csv.bz2"):
                        file.write_bytes(in_utf8(suffix, content))
                        with suppress(duckdb.Error, InputError, pa.ArrowInvalid, OSError):
                            check_unpacks(file)
                            use_duckdb(connection, file, random)
                except BaseException as error:
                    (folder / f"error{number}").write_text(traceback.format_exc())
                    print(json.dumps([number, f"{type(error).__name__}: {error}"[:300]]))
                    sys.stdout.flush()
                    if isinstance(error, KeyboardInterrupt):
                        return


def _seconds(process: int) -> float:
    """Of the processor."""
    with suppress(OSError):
        times = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
        return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _memory(process: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * 4096
    return 0


def main() -> None:
    """Print what was found, and how many inputs were used."""
    folder, inputs, first, *_ = (*sys.argv[1:], "0")
    if inputs == "child":
        child(Path(folder), *map(int, sys.argv[3:]))
        return
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    began, at, last = time.time(), int(first), int(first) + int(inputs)
    found: Counter[str] = Counter()
    while at < last:
        (place / "number").write_bytes(struct.pack("<q", at))
        command = [sys.executable, "-m", "benchmarks.fuzz.tables", folder, "child", str(at)]
        process = subprocess.Popen([*command, str(last)])
        seen, since, used, ending = at, time.time(), 0.0, ""
        while process.poll() is None:
            time.sleep(0.2)
            (at,) = struct.unpack("<q", (place / "number").read_bytes())
            if at != seen:
                seen, since, used = at, time.time(), _seconds(process.pid)
            if time.time() - since > LONGEST or _seconds(process.pid) - used > PATIENCE:
                ending = "hang"
            elif _memory(process.pid) > MEMORY:
                ending = "memory"
            if ending:
                process.kill()
                process.wait()
        if process.returncode == 0:
            break
        (at,) = struct.unpack("<q", (place / "number").read_bytes())
        ending = ending or f"crash, {process.returncode}"
        found[ending] += 1
        suffix, content, _ = made(at)
        (place / f"found{at}{suffix}").write_bytes(content)
        print(json.dumps([at, ending]), flush=True)
        at += 1
    found["error"] = len(list(place.glob("error*")))
    print(f"{last - int(first):,} inputs, {time.time() - began:,.0f} s: {dict(found)}")


if __name__ == "__main__":
    main()
