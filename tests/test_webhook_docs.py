"""What docs/webhooks.md tells integrators to write does what it says, on what is really sent."""

import json
import re
import shutil
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from chat.notices import EVENT
from chat.signature import HEADER, sign

TEXT = (Path(__file__).resolve().parent.parent / "docs/webhooks.md").read_text()
SECRET, FORMER = "cpw_present", "cpw_former"
EXAMPLE = json.loads(re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)[0])
BODY = json.dumps(EXAMPLE | {"text": "Grüezi"}).encode()


def signed(*secrets: str, age_s: int = 0) -> str:
    return sign(BODY, secrets=secrets, at_s=int(time.time()) - age_s)


def cases() -> list[tuple[str, bytes, bool]]:
    """Made when they are used: a signature ages."""
    return [
        (signed(SECRET), BODY, True),
        (signed(SECRET, FORMER), BODY, True),
        (signed(FORMER, SECRET), BODY, True),
        (signed(SECRET, age_s=200), BODY, True),
        (signed(SECRET, age_s=400), BODY, False),
        (signed(SECRET, age_s=-400), BODY, False),
        (signed(FORMER), BODY, False),
        (signed(SECRET), BODY + b" ", False),
        (signed(SECRET).replace("t=", "t=1"), BODY, False),
        (signed(SECRET).replace("v1=", "v0="), BODY, False),
        ("", BODY, False),
        ("t=,v1=", BODY, False),
        ("t=abc,v1=zz,v1,=,ä=ö", BODY, False),
        (f"t={int(time.time())},v1=é", BODY, False),
    ]


@pytest.fixture(scope="module")
def python() -> dict[str, Any]:
    written: dict[str, Any] = {}
    exec("\n".join(re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)), written)
    return written


@pytest.mark.parametrize("number", range(len(cases())))
def test_the_python_of_the_document_knows_what_is_ours(python: dict[str, Any], number: int) -> None:
    header, body, is_ours = cases()[number]
    assert python["is_ours"](SECRET, header, body) is is_ours


def test_the_node_of_the_document_knows_what_is_ours(tmp_path: Path) -> None:
    if (node := shutil.which("node")) is None:
        pytest.skip("node is not there")
    (written,) = re.findall(r"```js\n(.*?)```", TEXT, re.DOTALL)
    tried = cases()
    given = json.dumps([[header, body.decode(), is_ours] for header, body, is_ours in tried])
    ask = f"{given}.map(([header, body]) => isOurs('{SECRET}', header, Buffer.from(body)))"
    (tmp_path / "snippet.mjs").write_text(f"{written}\nconsole.log(JSON.stringify({ask}));\n")
    answer = subprocess.run([node, "snippet.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout) == [is_ours for _, _, is_ours in tried]


def test_the_receiver_of_the_document_pushes_once_and_refuses_strangers(python: dict[str, Any]) -> None:
    pushed: list[tuple[str, int]] = []
    contact = EXAMPLE["contact"]["id"]
    state = {"handled": set(), "tokens": {contact: ["phone"]}, "push": lambda *told: pushed.append(told)}
    assert python["take"](SECRET, signed(FORMER), BODY, **state) == 400
    assert [python["take"](SECRET, signed(SECRET), BODY, **state) for _ in range(2)] == [204, 204]
    assert pushed == [("phone", 3)]


def test_the_document_names_what_is_sent() -> None:
    assert EXAMPLE["event"] == EVENT and uuid.UUID(EXAMPLE["id"])
    assert f"`{HEADER}: t=…,v1=…`" in TEXT
