"""What Schemathesis does besides what the description says. It loads this file into its own process."""

import itertools
import os
import threading
from pathlib import Path
from typing import Any

import httpx
import schemathesis
from hypothesis import strategies as st

HEARD = Path(os.environ["SCHEMATHESIS_HEARD"])
MOST_UNSENT = 15  # files; a person may have 20 that wait to be sent
_lock = threading.Lock()
_uploads = itertools.count()
_uploaders: list[str] = []


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """What would take something from all later calls is somebody else's: the end of a session, places for files."""
    if case.headers and case.headers.get("Authorization") == f"Bearer {os.environ['SCHEMATHESIS_TOKEN']}":
        if case.method.upper() == "DELETE":
            case.headers["Authorization"] = f"Bearer {_newcomer()}"
        elif case.operation.label == "POST /api/v1/uploads" and not _is_of_a_chain(case):
            case.headers["Authorization"] = f"Bearer {_uploader()}"


def _is_of_a_chain(case: Any) -> bool:
    return case.meta is not None and case.meta.phase.name.value == "stateful"


def _newcomer() -> str:
    body = {"inbox": "main", "kind": "app"}
    opened = httpx.post(f"{os.environ['SCHEMATHESIS_SITE']}/api/v1/session", json=body, trust_env=False, timeout=60)
    return str(opened.json()["access_token"])


def _uploader() -> str:
    with _lock:
        if next(_uploads) % MOST_UNSENT == 0:
            _uploaders[:] = [_newcomer()]
        return _uploaders[0]


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    with _lock, HEARD.open("a") as heard:
        mode = case.meta.generation.mode.value if case.meta else "?"
        heard.write(f"{case.operation.label}\t{response.status_code}\t{mode}\n")


# A file is more than bytes: its type is told by its content.
_WORDS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=200)
schemathesis.openapi.media_type("application/octet-stream", _WORDS.map(str.encode))
