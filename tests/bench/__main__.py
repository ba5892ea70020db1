"""`make bench` and `make bench-full`: what this costs and how fast it is, beside a peer in the same run.

    python -m tests.bench                             everything
    python -m tests.bench relay idle                  these parts
    python -m tests.bench send --database SQLite      on one database
    python -m tests.bench --size full                 as make bench-full; tiny: does it run?

Prints Markdown (docs/benchmarks.md says what the figures mean); `--json` keeps the figures in a file.
"""

import argparse
import asyncio
import gc
import os
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.bench import report, sizes
from tests.bench.idle import idle
from tests.bench.naive import naive
from tests.bench.relay import load, relay
from tests.bench.report import Table
from tests.bench.send import send
from tests.bench.servers import POSTGRESQL, SQLITE, Databases
from tests.bench.sizes import Sizes
from tests.bench.statements import statements
from tests.fixtures.the_postgres import HOW_TO, program

Part = Callable[[Databases, Sizes], Awaitable[Table]]
PARTS: dict[str, Part] = {each.__name__: each for each in (relay, load, naive, send, statements, idle)}
OF_BOTH = {"relay", "send", "statements"}  # the others ask of the database what these do


def main() -> None:
    asked = arguments()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    gc.disable()  # A collection over thousands of sockets here would be measured as theirs.
    started, tables = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="chatproxy-bench-") as folder:
        os.chmod(folder, 0o755)  # PostgreSQL runs as somebody else where this runs as root
        tempfile.tempdir = folder
        for kind in asked.database:
            tables += run(kind, asked.parts, sizes.ALL[asked.size])
        tempfile.tempdir = None
    print(f"The bench ({asked.size}) took {time.monotonic() - started:.0f} s. Its line in the history:\n")
    print(report.history(tables, run=f"{time.strftime('%Y-%m-%d')}, {asked.size}"))
    if asked.json:
        report.write(tables, asked.json)


def run(kind: str, parts: list[str], size: Sizes) -> list[Table]:
    """Each part to its end on this database; prints its table at once."""
    parts = [each for each in parts if kind == SQLITE or each in OF_BOTH]
    if kind == POSTGRESQL and program("initdb") is None:
        print(f"Skipped: {', '.join(parts)} on PostgreSQL ({HOW_TO})\n")
        return []
    databases, tables = Databases(kind, Path(tempfile.mkdtemp())), []
    try:
        for name in parts:
            print(f"{name} on {kind} …", file=sys.stderr, flush=True)
            gc.collect()
            tables.append(asyncio.run(PARTS[name](databases, size)))
            print(f"{tables[-1].markdown()}\n", flush=True)
    finally:
        databases.close()
    return tables


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--size", choices=sizes.ALL, default="bench")
    parser.add_argument("--database", choices=(SQLITE, POSTGRESQL), action="append")
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    asked.parts, asked.database = asked.parts or list(PARTS), asked.database or [SQLITE, POSTGRESQL]
    return asked


if __name__ == "__main__":
    main()
