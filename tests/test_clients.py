"""The two apps in docs/clients: that they need no more than they say, and go on where a network does not.

tests/test_examples.py runs them as their README tells newcomers to.
"""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chat.wire import Close
from tests.fixtures.examples import ROOT
from tests.fixtures.the_demo import HOST, Demo, Line

CLIENTS = sorted((ROOT / "docs/clients").glob("*.py"))
OWN = {path.stem for path in CLIENTS}


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), feature_version=(3, 9))


@pytest.mark.parametrize("path", CLIENTS, ids=lambda path: path.name)
def test_a_client_needs_nothing_but_python_3_9_and_for_sockets_one_library(path: Path) -> None:
    found = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in found
        for alias in node.names
    }
    foreign = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - OWN
    assert foreign == ({"websockets"} if path.name == "websocket.py" else set())


def test_no_client_has_the_name_of_a_module_that_it_needs() -> None:
    """Python looks beside the script first: a socket.py there would be everybody's socket."""
    assert not OWN & (sys.stdlib_module_names | {"websockets"})


def test_the_client_obeys_every_close_as_the_server_means_it() -> None:
    (after,) = [
        ast.literal_eval(node.value)
        for node in tree(ROOT / "docs/clients/websocket.py").body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "AFTER"
    ]
    assert after == {int(close): close.policy.value for close in Close}


@pytest.mark.parametrize("script", ["polling.py", "websocket.py"])
def test_a_client_whose_line_is_cut_at_every_step_goes_on_to_the_end(script: str, demo: Demo, line: Line) -> None:
    desk = demo.desk_url.removesuffix("/desk/")
    process = subprocess.Popen(
        [sys.executable, "-W", "error", f"docs/clients/{script}", f"http://{HOST}:{line.port}", desk],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "VAR_DIR": str(demo.log.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        for _ in process.stdout:
            line.cut()
            line.mend()
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, errors) == (0, "")
