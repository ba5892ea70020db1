"""What the database decides, once more on a real PostgreSQL: ``python -m tests.on_postgres [options of pytest]``."""

import os
import subprocess
import sys

from tests.fixtures.the_postgres import HOW_TO, PostgresServer, program

STATE = (
    "acceptance erasing feed link lock_order mirror notices outbox overview processes queues rotation round_trips "
    "sessions signin sql statements swept_uploads writer"
)
CLAIMS = "test_resync.py::test_one_comparison_per_pause_over_two_processes_and_a_later_wish_is_kept"

WITHOUT = (
    "test_sql.py::test_a_hot_statement_searches_by_an_index",  # the plans of an empty table say nothing there
    "test_queues.py::test_what_is_open_is_found_among_the_open",
    "test_mirror.py::test_any_order_any_number_of_times_ends_the_same",  # the database decides nothing of that
    "test_processes.py::test_a_jump_of_the_databases_clock_is_said",  # nobody here can put its clock wrong
)


def main(options: list[str]) -> int:
    if program("initdb") is None:
        print(f"Skipped: tests on PostgreSQL ({HOW_TO})")
        return int(os.environ.get("CI") == "true")
    server = PostgresServer()
    try:
        files = [f"tests/test_{name}.py" for name in STATE.split()]
        files.append(f"tests/{CLAIMS}")
        files += [f"--deselect=tests/{name}" for name in WITHOUT]
        environment = os.environ | {"TEST_DATABASE_URL": server.url("chatproxy")}
        command = [
            sys.executable,
            "-m",
            "pytest",
            "--quiet",
            "--numprocesses=3",
            "--dist=worksteal",
            *(options or files),
        ]
        return subprocess.run([*command, *(options or files)], env=environment).returncode
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
